/** A persona's emblem, drawn from its weights alone: the same weights give the same picture, similar ones a similar one. */
import { TRAITS, type Weights } from '../terms.ts';

type Point = [x: number, y: number];
type Colour = [red: number, green: number, blue: number];

/** Shapes on a square of 100 × 100, with colours 0 … 255, from back to front. */
export interface Emblem {
  ground: Colour;
  shapes: { points: Point[]; colour: Colour }[];
}

const MIDDLE = 50;
/** Radius of a trait's corner at α = 0, and at the ends of what is told apart. */
const [NEUTRAL, REACH, LIMIT] = [24, 17, 2];

/** A corner for each trait, further out the stronger it is; the hue turns towards the traits that are strongest. */
export function emblem(weights: Weights): Emblem {
  const alphas = TRAITS.map(trait => weights[trait] ?? 0);
  const corner = (index: number, radius: number): Point => {
    const angle = (2 * Math.PI * index) / TRAITS.length - Math.PI / 2;
    return [MIDDLE + radius * Math.cos(angle), MIDDLE + radius * Math.sin(angle)];
  };
  // Each pole has a hue of its own, ten in all; the mean of directions, by strength.
  const hues = alphas.map((alpha, index) => (2 * Math.PI * (index + (alpha < 0 ? 0.5 : 0))) / TRAITS.length);
  const total = (of: (hue: number) => number) =>
    alphas.reduce((sum, alpha, index) => sum + Math.abs(alpha) * of(hues[index] ?? 0), 0);
  const hue = Math.atan2(total(Math.sin), total(Math.cos));
  const saturation = alphas.some(alpha => alpha !== 0) ? 0.42 : 0.06;
  return {
    ground: colourOf(hue, saturation, 0.3),
    shapes: [
      {
        points: alphas.map((_, index) => corner(index, NEUTRAL + REACH)),
        colour: colourOf(hue, saturation, 0.4),
      },
      {
        points: alphas.map((alpha, index) =>
          corner(index, NEUTRAL + (REACH * Math.max(-LIMIT, Math.min(LIMIT, alpha))) / LIMIT),
        ),
        colour: colourOf(hue, saturation, 0.82),
      },
    ],
  };
}

/** Hue in radians; saturation and lightness 0 … 1 (HSL, CSS Color 4). */
function colourOf(hue: number, saturation: number, lightness: number): Colour {
  const degrees = ((hue * 180) / Math.PI + 360) % 360;
  const part = (n: number) => {
    const k = (n + degrees / 30) % 12;
    const chroma = saturation * Math.min(lightness, 1 - lightness);
    return Math.round(255 * (lightness - chroma * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [part(0), part(8), part(4)];
}

export function emblemSvg(weights: Weights): string {
  const { ground, shapes } = emblem(weights);
  const polygons = shapes.map(
    ({ points, colour }) =>
      `<polygon points="${points.map(point => point.map(at => at.toFixed(2)).join(',')).join(' ')}" fill="rgb(${colour})" stroke="rgb(${colour})" stroke-width="3" stroke-linejoin="round"/>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><rect width="100" height="100" fill="rgb(${ground})"/>${polygons.join('')}</svg>`;
}
