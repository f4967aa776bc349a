/** How a persona's role-play fields reach the model: the one template, which docs/conversations.md shows. */
import type { Persona } from '../contract.ts';

/** What `{{user}}` stands for where no name was given. */
export const USER = 'User';

/** Instructions, character and scenario, whichever are there, as the system prompt; empty when none is. */
export function systemPrompt(persona: Pick<Persona, 'name' | 'system' | 'rolePlay' | 'user'>): string {
  const { system, rolePlay } = persona;
  const character = rolePlay?.character.trim();
  const scenario = rolePlay?.scenario.trim();
  const parts = [
    system.trim(),
    character && `Character: ${persona.name}\n${character}`,
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
  const texts = [system, ...Object.values(rolePlay ?? {})];
  const named = user !== USER && texts.some(text => /\{\{user\}\}/i.test(text));
  return named && persona.user === undefined ? { ...persona, user } : persona;
}

/** `{{char}}` and `{{user}}` are the marks of character cards. */
function filledIn(text: string, { name, user = USER }: Pick<Persona, 'name' | 'user'>): string {
  return text.replaceAll(/\{\{(char|user)\}\}/gi, (_, who: string) =>
    who.toLowerCase() === 'char' ? name : user,
  );
}
