use super::*;
use crate::post::store::departures::NewLetter;
use crate::post::store::letters::LetterNumber;
use crate::post::store::tests::fixture::{Came, Owner, Post, at, came, id, owner, text_letter};
use pregao_protocol::letter::{Letter, Mode};
use pregao_protocol::trust::agreement::Mac;

/// A contact who is known by one box, was written to there, and now writes from another one.
struct Scene {
    post: Post,
    ana: ContactId,
    /// The other box of theirs.
    new: Owner,
    /// Of somebody else.
    third: Owner,
}

impl Scene {
    fn set(purpose: impl FnOnce(ContactId) -> BoxPurpose) -> Self {
        let mut post = Post::new();
        let ana = post.befriend("ana");
        let (own, purpose) = (post.own, purpose(ana));
        post.store.change(|change| change.edit_box(own, |it| it.purpose = purpose)).unwrap();
        let mut scene = Self { post, ana, new: owner(5), third: owner(6) };
        scene.write(Some(ana), 90);
        scene
    }

    /// A letter to them that was sent, of this name.
    fn write(&mut self, contact: Option<ContactId>, name: u128) -> (LetterNumber, DepartureRecord) {
        let new = NewLetter {
            letter: text_letter(&self.post.me, name, "About", "Text"),
            from: self.post.own,
            contact,
            to: self.post.them.address(),
            leaves: at(10),
            expires: None,
            keep_evidence: true,
            registered: false,
        };
        let store = &mut self.post.store;
        let (number, departure) = store.change(|change| change.send_letter(new, at(0))).unwrap();
        (number, store.view().departure(departure).unwrap())
    }

    /// What one box says for another.
    fn vouch(&self, known: &Owner, from: &Owner, letter: &Letter) -> Vouch {
        let by = Voucher { name: known.name, agreement: &known.agreement };
        let me = &self.post.me;
        Vouch::of(&by, (me.name, &me.agreement.public()), &from.address(), letter.id).unwrap()
    }

    /// An answer to the letter that was sent to them.
    fn answer(&self, from: &Owner, vouch: impl FnOnce(&Letter) -> Option<Vouch>) -> Came {
        let letter = text_letter(from, 7, "Re", "Write to me here.");
        let letter = Letter { reply_to: Some(id(90)), mode: Mode::Evidence, ..letter };
        let letter = Letter { vouch: vouch(&letter), ..letter };
        came(from, &self.post.me, letter, 7)
    }

    fn recognize(&mut self, came: &Came, is_here: bool) -> Known {
        let own = self.post.store.view().own_box(self.post.own).unwrap();
        self.post
            .store
            .change(|change| recognize(change, &own, &came.opened, is_here, at(9)))
            .unwrap()
    }

    fn is_written_to_at(&self) -> RoomName {
        self.post.store.view().contact(self.ana).unwrap().address.name
    }

    fn claims(&mut self, came: &Came, what: &str) {
        let known = self.recognize(came, true);
        let Known::Claims(claims) = known else { panic!("nothing is claimed") };
        assert!(claims.contains(what), "{claims}");
        assert_eq!(self.is_written_to_at(), self.post.them.name);
    }
}

#[test]
fn v387_the_box_that_is_known_of_a_contact_hands_them_over_to_another() {
    for first in [true, false] {
        let mut scene = Scene::set(|ana| match first {
            true => BoxPurpose::First { handle: None, about: None },
            false => BoxPurpose::Contact(ana),
        });
        let answer = scene
            .answer(&scene.new, |letter| Some(scene.vouch(&scene.post.them, &scene.new, letter)));
        let known = scene.recognize(&answer, true);
        assert!(matches!(known, Known::Moved(id, _) if id == scene.ana));
        assert_eq!(scene.is_written_to_at(), scene.new.name);
        let contact = scene.post.store.view().contact(scene.ana).unwrap();
        assert_eq!(contact.changes.len(), 1);
        // The box before is theirs no more.
        let again = scene.answer(&scene.third, |letter| {
            Some(scene.vouch(&scene.post.them, &scene.third, letter))
        });
        assert!(!matches!(scene.recognize(&again, true), Known::Moved(..)));
        assert_eq!(scene.is_written_to_at(), scene.new.name);
    }
}

#[test]
fn v387_nothing_but_a_vouch_that_holds_makes_a_box_a_contacts() {
    let mut scene = Scene::set(BoxPurpose::Contact);
    let (third, seems) = (owner(6), "it may seem to be from ana");
    // It came to the box that only they were told, and answers a letter to them.
    let bare = scene.answer(&third, |_| None);
    scene.claims(&bare, seems);
    let falsely = "that is FALSE";
    let noise =
        scene.answer(&third, |_| Some(Vouch { name: scene.post.them.name, mac: Mac([7; 32]) }));
    scene.claims(&noise, falsely);
    // The word of their own box, in the name of the one that is known.
    let own = scene.answer(&third, |letter| {
        let word = scene.vouch(&third, &third, letter);
        Some(Vouch { name: scene.post.them.name, ..word })
    });
    scene.claims(&own, falsely);
    // The word that was given to another box, taken over.
    let taken =
        scene.answer(&third, |letter| Some(scene.vouch(&scene.post.them, &scene.new, letter)));
    scene.claims(&taken, falsely);
    // A word of a box that nobody knows.
    let nobody = scene.answer(&third, |letter| Some(scene.vouch(&owner(8), &third, letter)));
    scene.claims(&nobody, "the box that you sent that to does not vouch for it");
    // It holds, and nobody can be written to there.
    let away =
        scene.answer(&scene.new, |letter| Some(scene.vouch(&scene.post.them, &scene.new, letter)));
    let known = scene.recognize(&away, false);
    assert!(matches!(known, Known::Claims(claims) if claims.contains("is not at your broker")));
    assert_eq!(scene.is_written_to_at(), scene.post.them.name);
}

#[test]
fn v387_an_answer_to_a_letter_to_nobody_known_is_by_the_box_that_it_was_sent_to_or_not() {
    let mut scene = Scene::set(|_| BoxPurpose::First { handle: None, about: None });
    scene.post.store.change(|change| change.forget_contact(scene.ana)).unwrap();
    let claims = |scene: &mut Scene, came: &Came| match scene.recognize(came, true) {
        Known::Claims(claims) => claims,
        Known::Moved(..) => panic!("nobody is known"),
        Known::Nobody => String::new(),
    };
    let bare = scene.answer(&scene.new, |_| None);
    assert_eq!(claims(&mut scene, &bare), "");
    let by =
        scene.answer(&scene.new, |letter| Some(scene.vouch(&scene.post.them, &scene.new, letter)));
    let said = claims(&mut scene, &by);
    assert_eq!(said, "whoever has the box that you sent letter 1 to wrote it");
    let falsely =
        scene.answer(&scene.new, |letter| Some(scene.vouch(&scene.third, &scene.new, letter)));
    assert!(claims(&mut scene, &falsely).contains("does not vouch for it"));
}

#[test]
fn v387_the_box_that_a_contact_knows_vouches_until_they_have_written_to_the_new_one() {
    let mut scene = Scene::set(BoxPurpose::Contact);
    let (ana, old) = (scene.ana, scene.post.own);
    let another = owner(8);
    let given = scene.post.store.change(|change| change.keep_box(&another.record())).unwrap();
    let (number, departure) = scene.write(Some(ana), 91);
    let departure = DepartureRecord { from: given, ..departure };
    let (them, their_key) = (scene.post.them.name, scene.post.them.agreement.public());
    let by = |scene: &Scene| {
        let view = scene.post.store.view();
        vouch(view, &departure, (them, &their_key)).unwrap().map(|vouch| vouch.name)
    };
    // What was written has not left: they know no box.
    assert_eq!(by(&scene), None);
    let deposited = |scene: &mut Scene, number| {
        let change = |letter: &mut LetterRecord| letter.state = LetterState::Deposited;
        scene.post.store.change(|store| store.edit_letter(number, change)).unwrap();
    };
    deposited(&mut scene, LetterNumber(1));
    assert_eq!(by(&scene), Some(scene.post.me.name));
    // One that went from the new box already changes nothing.
    let store = &mut scene.post.store;
    store.change(|store| store.edit_letter(number, |it| it.own_box = given)).unwrap();
    deposited(&mut scene, number);
    assert_eq!(by(&scene), Some(scene.post.me.name));
    // A letter of theirs to the old one.
    let theirs = text_letter(&scene.post.them, 92, "Re", "To the old one.");
    let came_to_old = scene.post.receive(theirs, 20, Some(ana));
    assert_eq!(by(&scene), Some(scene.post.me.name));
    // It is closed, and its secrets are gone.
    let secrets = scene.post.store.view().own_box(old).unwrap().secrets;
    let close = |it: &mut BoxRecord| it.secrets = None;
    scene.post.store.change(|change| change.edit_box(old, close)).unwrap();
    assert_eq!(by(&scene), None);
    scene.post.store.change(|change| change.edit_box(old, |it| it.secrets = secrets)).unwrap();
    assert_eq!(by(&scene), Some(scene.post.me.name));
    // One to the new box by somebody who only says that they are it.
    let to_new = |scene: &mut Scene, authorship: Authorship| {
        let edit = |letter: &mut LetterRecord| {
            letter.own_box = given;
            letter.authorship = Some(authorship);
        };
        scene.post.store.change(|change| change.edit_letter(came_to_old, edit)).unwrap();
    };
    to_new(&mut scene, Authorship::Unknown);
    assert_eq!(by(&scene), Some(scene.post.me.name));
    to_new(&mut scene, Authorship::Shown);
    assert_eq!(by(&scene), None);
}
