/** How a persona's role-play fields reach the model: the one template, which docs/conversations.md shows. */
import type { Persona } from '../contract.ts';

/** What `{{user}}` stands for. */
const USER = 'User';

/** Instructions, character and scenario, whichever are there, as the system prompt; empty when none is. */
export function systemPrompt(persona: Pick<Persona, 'name' | 'system' | 'rolePlay'>): string {
  const { system, rolePlay } = persona;
  const character = rolePlay?.character.trim();
  const scenario = rolePlay?.scenario.trim();
  const parts = [
    system.trim(),
    character && `Character: ${persona.name}\n${character}`,
    scenario && `Scenario:\n${scenario}`,
  ];
  return filledIn(parts.filter(Boolean).join('\n\n'), persona.name);
}

/** The assistant's message before the first question; empty when there is none. */
export function firstMessage({ name, rolePlay }: Pick<Persona, 'name' | 'rolePlay'>): string {
  return filledIn(rolePlay?.firstMessage.trim() ?? '', name);
}

/** `{{char}}` and `{{user}}` are the marks of character cards. */
function filledIn(text: string, name: string): string {
  return text.replaceAll(/\{\{(char|user)\}\}/gi, (_, who: string) =>
    who.toLowerCase() === 'char' ? name : USER,
  );
}
