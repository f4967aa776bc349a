/** In which language the page speaks: as chosen in the settings, else as the browser prefers. A change shows after a reload. */
import { z } from 'zod';
import { recall } from './storage.ts';

/** Names of the languages, each in itself. */
export const LANGUAGES = { en: 'English', de: 'Deutsch' } as const;
export type Language = keyof typeof LANGUAGES;

const preferred = (): Language => {
  const known = (globalThis.navigator?.languages ?? []).map(tag => tag.slice(0, 2).toLowerCase());
  return known.find((tag): tag is Language => tag in LANGUAGES) ?? 'en';
};

export const language: Language = recall('language', z.enum(['en', 'de'])) ?? preferred();

/** For dates and grouped digits; English is as the browser writes it. */
export const locale: string | undefined = language === 'de' ? 'de-DE' : undefined;

const names = new Intl.DisplayNames(language, { type: 'language' });
/** Of an ISO 639-1 code, perhaps with a region: `German`, in the page's language. */
export const languageName = (code: string): string => names.of(code) ?? code;

/** A number's text with the mark between units and tenths that the language uses. */
export const decimal = (text: string): string => (language === 'de' ? text.replace('.', ',') : text);
