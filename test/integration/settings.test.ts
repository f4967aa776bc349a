/** Settings are kept, and what they say reaches the workers: those that run, and those that start later. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemPrompt } from '../../electron/studio/contract.ts';
import { openStudio, persona, type TestStudio } from './studio.ts';

let studio: TestStudio;
beforeAll(async () => {
  studio = await openStudio();
});
afterAll(() => studio.remove());

test('has defaults and says where the data lies and how much room there is', async () => {
  expect(await studio.client.settings.get()).toEqual({
    ...{ device: 'auto', userName: 'User' },
    ...{ offline: false, hub: '' },
  });
  const info = await studio.client.studio.info();
  expect(info.dataFolder).toBe(studio.home);
  expect(info.freeBytes).toBeGreaterThan(0);
  expect(info.totalBytes).toBeGreaterThan(info.freeBytes);
});

test('without GPU means so, for models and for files', async () => {
  await studio.client.settings.set({ device: 'cpu' });
  await studio.ask('How are you?', persona());
  expect((await studio.client.studio.info()).versions.device).toBe('CPU');
  const { recipe } = persona({ openness: 1 });
  const baked = await studio.end('bake', studio.client.mixing.bake({ recipe }));
  expect(baked.result?.device).toBe('cpu');
  expect(baked.result?.deviceReason).toBe('The CPU was asked for.');
});

test('the user’s name stands in role-plays, and in the log with them', async () => {
  await studio.client.settings.set({ userName: 'Ada' });
  const rolePlay = { character: '{{char}} waits for {{user}}.', scenario: '', firstMessage: '' };
  const { run } = await studio.ask('Hello!', persona({}, { name: 'Mara', rolePlay }));
  const logged = await studio.client.runs.get({ id: run });
  expect(logged.kind === 'chat' && systemPrompt(logged.input.persona)).toContain('Mara waits for Ada.');
  const plain = await studio.client.runs.get({ id: (await studio.ask('Hello!', persona())).run });
  expect(plain.kind === 'chat' && plain.input.persona).not.toHaveProperty('user');
});

test('are kept, and what cannot be is refused', async () => {
  await expect(studio.client.settings.set({ device: 'abacus' as 'cpu' })).rejects.toMatchObject({
    data: { code: 'bad_input', field: 'device' },
  });
  await studio.close();
  studio = await openStudio(studio.home);
  expect(await studio.client.settings.get()).toMatchObject({ device: 'cpu', userName: 'Ada' });
});
