//! The wire between the driver `vpcd` and a virtual card: a TCP connection to the driver is a card
//! in the slot. Both ways a length of two bytes, then so many bytes: one for a control, more for a
//! command, and the answer alone the other way.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use rustix::net::sockopt::{set_socket_linger, set_tcp_quickack};

use super::faults::Outcome;

/// What the driver asks of a card.
pub(super) trait Device {
    /// The answer to reset.
    fn atr(&self) -> Vec<u8>;
    /// Power off, power on and reset all come to this.
    fn reset(&self);
    /// A command.
    fn transmit(&self, apdu: &[u8]) -> Outcome;
}

/// Answers the driver until the connection ends or the card is pulled. Closing the connection is
/// then what pulls it.
///
/// # Errors
/// If the connection breaks, which is how a card is pulled by hand.
pub(super) fn serve(mut stream: &TcpStream, device: &impl Device) -> io::Result<()> {
    stream.set_nodelay(true)?;
    // The driver takes an end in good order, or before it has the length of an answer, for an answer
    // of no bytes. A program must see an error, as it does with a real reader: so the connection is
    // reset when it is closed, after a length if an answer is due.
    set_socket_linger(stream, Some(Duration::ZERO))?;
    loop {
        let mut length = [0; 2];
        receive(stream, &mut length)?;
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        receive(stream, &mut message)?;
        match *message {
            [] => {}
            [0x00..=0x02] => device.reset(),
            [0x04] => send(&mut stream, &device.atr())?,
            [_] => {}
            _ => match device.transmit(&message) {
                Outcome::Answered(answer) => send(&mut stream, &answer.bytes())?,
                Outcome::Pulled(Some(last)) => return send(&mut stream, &last.bytes()),
                Outcome::Pulled(None) => return stream.write_all(&[0, 2]),
            },
        }
    }
}

/// The driver writes length and body apart. An acknowledgement that waits for the second costs 40 ms
/// each time, and the kernel forgets the wish not to wait.
fn receive(mut stream: &TcpStream, bytes: &mut [u8]) -> io::Result<()> {
    set_tcp_quickack(stream, true)?;
    stream.read_exact(bytes)
}

fn send(stream: &mut &TcpStream, bytes: &[u8]) -> io::Result<()> {
    let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), bytes].concat())
}
