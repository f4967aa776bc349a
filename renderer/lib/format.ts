/** Numbers, sizes and times as the user reads them. */
import { type Progress, TRAITS, type Trait, type Weights } from '../../electron/studio/contract.ts';
import { decimal, language, locale } from './language.ts';
import { said } from './said.ts';
import { t } from './strings.ts';

const MINUS = '−';

/** `+1.50`, `−0.30`, `0.00`: a signed number with a real minus sign. */
export function signed(value: number, digits = 2): string {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return decimal(text);
  return (value < 0 ? MINUS : '+') + decimal(text);
}

/** An unsigned number with a real minus sign where it has one. */
export const plain = (value: number | null | undefined, digits = 2): string =>
  value == null ? '–' : decimal(value.toFixed(digits)).replace('-', MINUS);

/** `[0.81, 0.98]`; a semicolon where commas stand within numbers. */
export const interval = ([low, high]: readonly [number, number]): string =>
  `[${plain(low)}${language === 'de' ? ';' : ','} ${plain(high)}]`;

/** What a person types as a number: comma or point, any minus sign; null when it is none. */
export function parseNumber(text: string): number | null {
  const clean = text.trim().replace(',', '.').replaceAll(/[−–]/g, '-');
  if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(clean)) return null;
  return Number(clean);
}

export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let value = n;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${decimal(value.toFixed(value >= 100 || unit === 0 ? 0 : 1))} ${units[unit]}`;
}

export const percent = (share: number, digits = 0): string => `${decimal((share * 100).toFixed(digits))} %`;

/** Time of day for today, else day and time. */
export function moment(iso: string, now = new Date()): string {
  const date = new Date(iso);
  const time = date.toLocaleTimeString(locale, { hour: '2-digit', minute: '2-digit' });
  if (date.toDateString() === now.toDateString()) return time;
  return `${date.toLocaleDateString(locale, { day: 'numeric', month: 'short' })}, ${time}`;
}

export function duration(from: string, to: string): string {
  const seconds = (Date.parse(to) - Date.parse(from)) / 1000;
  if (seconds < 90) return t.common.seconds(decimal(seconds.toFixed(seconds < 10 ? 1 : 0)));
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** How long something will take: `40 s`, `12 min`, `2 h 5 min`. */
export function span(seconds: number): string {
  if (seconds < 90) return t.common.seconds(Math.ceil(seconds).toString());
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** How far work is: `12 / 55 points`, `3.2 GB / 16.1 GB`; empty while that is not known. */
export function howFar({ done, total, unit }: Progress): string {
  if (total === 0) return '';
  const size = { bytes: 1, MB: 1e6 }[unit];
  if (size !== undefined) return `${bytes(done * size)} / ${bytes(total * size)}`;
  return `${Math.round(done)} / ${Math.round(total)} ${said(unit)}`.trim();
}

/** `40 s left`; empty while that is not known. */
export const timeLeft = ({ secondsLeft }: Progress): string =>
  secondsLeft === undefined ? '' : t.runs.left(span(secondsLeft));

export const fileName = (path: string): string => path.split(/[\\/]/).at(-1) ?? path;

/** The moved sliders in the traits' order. */
export const moved = (weights: Weights): [Trait, number][] =>
  TRAITS.flatMap(trait => {
    const alpha = weights[trait] ?? 0;
    return alpha === 0 ? [] : [[trait, alpha] as [Trait, number]];
  });

/** `E +1.50 · N −0.50` */
export const weightsText = (weights: Weights): string =>
  moved(weights)
    .map(([trait, alpha]) => `${t.traits[trait].letter} ${signed(alpha)}`)
    .join(' · ') || t.runs.allZero;
