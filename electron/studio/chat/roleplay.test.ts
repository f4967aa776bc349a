import { expect, test } from 'vitest';
import { firstMessage, systemPrompt } from './roleplay.ts';

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
