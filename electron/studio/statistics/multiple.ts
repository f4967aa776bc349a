/** Many tests at once: false discovery rate. */

/**
 * Benjamini & Hochberg (1995) adjusted p values, in the order given: rejecting where q ≤ 0.05 keeps the expected share
 * of false discoveries at 5 % or less. A null (no test) stays null and does not count as one.
 */
export function benjaminiHochberg(p: (number | null)[]): (number | null)[] {
  const tests = p
    .flatMap((value, index) => (value === null ? [] : [{ value, index }]))
    .sort((a, b) => b.value - a.value);
  const q: (number | null)[] = p.map(() => null);
  let least = 1;
  for (const [above, { value, index }] of tests.entries()) {
    least = Math.min(least, (value * tests.length) / (tests.length - above));
    q[index] = least;
  }
  return q;
}
