import { expect, test } from 'vitest';
import { lorebook } from '../terms.ts';
import { firstMessage, systemPrompt, withUser } from './roleplay.ts';

const rolePlay = {
  character: '{{char}} is a retired captain. ',
  scenario: '{{Char}} meets {{user}} on the quay.',
  firstMessage: ' Ahoy, {{user}}!',
};

test('instructions, character and scenario make the system prompt, the name in its places', () => {
  expect(systemPrompt({ name: 'Mara', system: ' Be brief. ', rolePlay })).toBe(
    'Be brief.\n\nCharacter: Mara\nMara is a retired captain.\n\nScenario:\nMara meets User on the quay.',
  );
  expect(firstMessage({ name: 'Mara', rolePlay })).toBe('Ahoy, User!');
});

test('what is not given leaves nothing behind', () => {
  expect(systemPrompt({ name: 'Base', system: '  ' })).toBe('');
  expect(
    systemPrompt({ name: 'Base', system: 'x', rolePlay: { character: '', scenario: ' ', firstMessage: '' } }),
  ).toBe('x');
  expect(firstMessage({ name: 'Base' })).toBe('');
});

test('the user is called as the persona says, which is given the name only where its texts have a place for it', () => {
  const persona = { name: 'Mara', system: '', rolePlay };
  const named = withUser(persona, 'Ada');
  expect(named).toEqual({ ...persona, user: 'Ada' });
  expect(firstMessage(named)).toBe('Ahoy, Ada!');
  expect(systemPrompt(named)).toContain('Mara meets Ada on the quay.');
  // A run that is done again keeps the name that it was made with.
  expect(withUser({ ...persona, user: 'Bo' }, 'Ada').user).toBe('Bo');
  expect(withUser({ name: 'x', system: 'Be brief.' }, 'Ada')).not.toHaveProperty('user');
  expect(withUser(persona, 'User')).not.toHaveProperty('user');
});

test('what of the lorebook has come up stands around the character, in the places of the card', () => {
  const book = lorebook.parse({
    entries: [
      { content: 'The quay of {{char}} is long.', keys: ['quay'], before: true },
      { content: 'It rains.', always: true },
    ],
  });
  const persona = { name: 'Mara', system: '', rolePlay: { ...rolePlay, lorebook: book } };
  expect(systemPrompt(persona)).toBe(
    'Character: Mara\nMara is a retired captain.\n\nIt rains.\n\nScenario:\nMara meets User on the quay.',
  );
  expect(systemPrompt(persona, ['Where is the quay?'])).toMatch(
    /^The quay of Mara is long\.\n\nCharacter: Mara/,
  );
});
