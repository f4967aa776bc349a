/** Several tests at once: p values adjusted for the false discovery rate. */

/**
 * p values adjusted after Benjamini & Hochberg (1995): min over j ≥ i of p₍ⱼ₎·m/j, at most 1, in the order given. A null (no
 * test) stays null and does not count.
 */
export function benjaminiHochberg(p: (number | null)[]): (number | null)[] {
  const adjusted: (number | null)[] = p.map(() => null);
  const known = p.flatMap((value, index) => (value === null ? [] : [{ value, index }]));
  known.sort((a, b) => b.value - a.value);
  let least = 1;
  for (const [position, { value, index }] of known.entries()) {
    const rank = known.length - position;
    // The largest stays what it is; dividing by what it was multiplied with could round it down.
    least = Math.min(least, position === 0 ? value : (value * known.length) / rank);
    adjusted[index] = least;
  }
  return adjusted;
}
