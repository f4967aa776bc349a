/** What the studio says, in the language of the page; what has no translation stays as it is. */
import { germanStudio } from './german-studio.ts';
import { language } from './language.ts';

/**
 * Fills the German of a text, or of the first pattern that it fits.
 * @param word translates what stood for a star or number sign
 */
export function translated(
  text: string,
  table: Record<string, string>,
  word: (found: string) => string = found => found,
): string {
  const exact = table[text];
  if (exact !== undefined) return exact;
  for (const [english, other] of Object.entries(table)) {
    if (!/[*#]/.test(english)) continue;
    const pattern = english
      .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '(.+?)')
      .replaceAll('#', '(\\S+)');
    const found = text.match(new RegExp(`^${pattern}$`));
    if (found) return other.replace(/\$(\d)/g, (_, nth: string) => word(found[Number(nth)] ?? ''));
  }
  return text;
}

/** `2.7` as German writes it; names, versions and paths stay as they are. Exported for its test. */
export const numberInGerman = (word: string): string =>
  /^[−-]?\d+\.\d+$/.test(word) ? word.replace('.', ',').replace('-', '−') : word;

export const said = (text: string): string =>
  language === 'de' ? translated(text, germanStudio, numberInGerman) : text;
