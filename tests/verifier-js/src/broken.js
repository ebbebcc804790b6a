// What a refusal is inside the verifier. `verify` catches it and makes a verdict of it; nothing else throws on purpose.

/** A rule that what is read breaks: a code of SPEC section 9 where the fold refuses, else the number of the rule. */
export class Broken extends Error {
  constructor(rule) {
    super(rule);
    this.rule = rule;
  }
}

/** Refuses by `rule` unless `holds`. */
export function refuseUnless(holds, rule) {
  if (!holds) throw new Broken(rule);
}

/** What `read` gives; whatever makes it fail, the refusal is by `rule`. */
export function under(rule, read) {
  try {
    return read();
  } catch (failure) {
    if (failure instanceof Broken) throw new Broken(rule);
    throw failure;
  }
}
