/** What a character knows of its world and the model is told only when it comes up, as character cards define it. */
import type { Lorebook, LoreEntry } from '../terms.ts';

/** Characters of an English text that one token takes, roughly: the studio's own process has no tokeniser. */
const CHARACTERS_PER_TOKEN = 4;

/**
 * The entries that a conversation brings up, in the order in which they are told: those that always are, and those of
 * which a key occurs in one of the last `scanDepth` messages (and, where there are such, a secondary key too). A key may
 * be part of a word. With `recursive`, what is told can bring up more. Over `tokenBudget` (estimated at four characters
 * a token) those of the lowest priority are left out first.
 * Rules: character-card-spec-v2, "character_book".
 * @param messages texts, the newest last
 */
export function toldOf(book: Lorebook, messages: string[]): LoreEntry[] {
  const told = new Set<LoreEntry>();
  let heard = book.scanDepth > 0 ? messages.slice(-book.scanDepth) : [];
  while (true) {
    const fresh = book.entries.filter(entry => !told.has(entry) && isUp(entry, heard));
    for (const entry of fresh) told.add(entry);
    if (fresh.length === 0 || !book.recursive) break;
    heard = [...heard, ...fresh.map(({ content }) => content)];
  }
  return withinBudget([...told], book.tokenBudget).sort((a, b) => a.order - b.order);
}

function isUp(entry: LoreEntry, texts: string[]): boolean {
  if (!entry.enabled) return false;
  const fold = (text: string) => (entry.caseSensitive ? text : text.toLowerCase());
  const occurs = (keys: string[]) =>
    keys.some(key => key.trim() !== '' && texts.some(text => fold(text).includes(fold(key.trim()))));
  return (
    entry.always || (occurs(entry.keys) && (entry.secondaryKeys.length === 0 || occurs(entry.secondaryKeys)))
  );
}

function withinBudget(entries: LoreEntry[], budget: number | null): LoreEntry[] {
  if (budget === null) return entries;
  const byPriority = [...entries].sort((a, b) => b.priority - a.priority);
  let left = budget * CHARACTERS_PER_TOKEN;
  return byPriority.filter(({ content }) => {
    const fits = content.length <= left;
    if (fits) left -= content.length;
    return fits;
  });
}
