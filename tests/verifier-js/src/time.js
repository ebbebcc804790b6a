// Times (SPEC section 2): `2026-11-20T13:00:00.000000Z`, kept as microseconds since 1970 in a BigInt.

const SPELLING = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})\.(\d{6})Z$/;
const MICROS = 1_000_000n;

/** Microseconds since 1970, or null: one spelling for each instant, and no leap seconds. */
export function parseTime(text) {
  const parts = SPELLING.exec(text);
  if (!parts) return null;
  const [year, month, day, hour, minute, second, micro] = parts.slice(1).map(Number);
  if (year < 1970 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59) return null;
  if (day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return null;
  return BigInt(Date.UTC(year, month - 1, day, hour, minute, second)) * 1000n + BigInt(micro);
}

export function formatTime(micros) {
  const whole = new Date(Number(micros / MICROS) * 1000).toISOString().slice(0, 19);
  return `${whole}.${String(micros % MICROS).padStart(6, '0')}Z`;
}

/** A number of whole seconds in microseconds. */
export const seconds = (count) => BigInt(count) * MICROS;

// The last instant of the calendar.
const LATEST = BigInt(Date.UTC(9999, 11, 31, 23, 59, 59)) * 1000n + 999_999n;

/** An instant moved on, which stops at the last of the calendar. */
export const plus = (time, span) => (time + span < LATEST ? time + span : LATEST);

/** The first whole second at or after an instant. */
export const ceilSeconds = (micros) => (micros + MICROS - 1n) / MICROS;

/** The last whole second of the calendar, in seconds since 1970. */
export const lastSecond = Date.UTC(9999, 11, 31, 23, 59, 59) / 1000;
