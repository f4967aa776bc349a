/** How a persona's role-play fields reach the model: the one template, which docs/conversations.md shows. */
import type { Persona } from '../contract.ts';
import { toldOf } from './lorebook.ts';

/** What `{{user}}` stands for where no name was given. */
export const USER = 'User';

/**
 * Instructions, character, scenario and what of the lorebook has come up, whichever are there, as the system prompt;
 * empty when nothing is.
 * @param messages texts of the conversation, the newest last; without them only what is always told
 */
export function systemPrompt(
  persona: Pick<Persona, 'name' | 'system' | 'rolePlay' | 'user'>,
  messages: string[] = [],
): string {
  const { system, rolePlay } = persona;
  const lore = rolePlay?.lorebook ? toldOf(rolePlay.lorebook, messages) : [];
  const told = (before: boolean) =>
    lore.filter(entry => entry.before === before).map(({ content }) => content.trim());
  const character = rolePlay?.character.trim();
  const scenario = rolePlay?.scenario.trim();
  const parts = [
    system.trim(),
    ...told(true),
    character && `Character: ${persona.name}\n${character}`,
    ...told(false),
    scenario && `Scenario:\n${scenario}`,
  ];
  return filledIn(parts.filter(Boolean).join('\n\n'), persona);
}

/** The assistant's message before the first question; empty when there is none. */
export function firstMessage(persona: Pick<Persona, 'name' | 'rolePlay' | 'user'>): string {
  return filledIn(persona.rolePlay?.firstMessage.trim() ?? '', persona);
}

/** The persona with the user's name where its texts have a place for it and none is in it: so the log has it too. */
export function withUser<P extends Pick<Persona, 'system' | 'rolePlay' | 'user'>>(
  persona: P,
  user: string,
): P {
  const { system, rolePlay } = persona;
  const named = user !== USER && /\{\{user\}\}/i.test(system + JSON.stringify(rolePlay ?? {}));
  return named && persona.user === undefined ? { ...persona, user } : persona;
}

/** `{{char}}` and `{{user}}` are the marks of character cards. */
function filledIn(text: string, { name, user = USER }: Pick<Persona, 'name' | 'user'>): string {
  return text.replaceAll(/\{\{(char|user)\}\}/gi, (_, who: string) =>
    who.toLowerCase() === 'char' ? name : user,
  );
}
