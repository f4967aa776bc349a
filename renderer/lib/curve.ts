/** A line through points that are spread evenly over the depth of a model. */

/** The same line by `count` points (2 or more), read at even distances; more points than before keep it wherever they can. */
export function resampled(points: readonly number[], count: number): number[] {
  const last = points.length - 1;
  return Array.from({ length: count }, (_, index) => {
    const at = (index / (count - 1)) * last;
    const left = Math.min(Math.floor(at), Math.max(0, last - 1));
    const [from = 1, to = from] = points.slice(left, left + 2);
    return Number((from + (to - from) * (at - left)).toFixed(3));
  });
}
