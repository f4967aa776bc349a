import { readFileSync } from 'node:fs';
import type { Locator } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { usePage, useStudio } from './helpers/running.ts';
import { PATIENCE } from './helpers/studio-page.ts';

const QUESTION = 'Will you go to the party?';
const OTHER = 'What are your travel plans?';

const running = useStudio();
const page = usePage(running, {
  bypassCSP: true,
  reducedMotion: 'reduce',
});

const dialog = () => page.page.getByRole('dialog');
const heads = () => page.page.locator('.heads').getByRole('heading', { level: 3 });
const answerOf = (name: string) =>
  page.page.getByRole('region', { name: new RegExp(`^Answer of ${name} to question`) });
const textOf = (name: string) => answerOf(name).last().getByTestId('text').innerText();
const states = () =>
  page.page
    .getByRole('article')
    .last()
    .getByRole('region')
    .evaluateAll(found => found.map(each => each.getAttribute('data-state')));
const complete = (count: number) =>
  expect.poll(states, { timeout: PATIENCE, interval: 50 }).toEqual(Array(count).fill('done'));
const add = async (way: RegExp) => {
  await page.button('Add a pane').click();
  await dialog().getByRole('button', { name: way }).click();
};
const choose = async (pane: string, item: string) => {
  await page.button(`More for ${pane}`).click();
  await page.page.getByRole('button', { name: item, exact: true }).and(page.page.locator(':visible')).click();
};
const ask = async (question: string, answers: number) => {
  const field = page.page.getByRole('textbox', { name: /^Your question/ });
  await field.fill(question);
  await field.press('Enter');
  await complete(answers);
};
const openLast = async () => {
  await page.page.reload();
  await page.page.getByRole('button', { name: /^Go on with/ }).click();
};
describe('panes', () => {
  it('are added up to four, each answering as what it is, fit the window, and are there again after a reload', async () => {
    await page.set('Extraversion', '2');
    await add(/^The sliders as they are now/);
    await page.set('Extraversion', '-2');
    await add(/^Instructions alone/);
    await dialog().getByLabel('Name of the pane').fill('Shy by prompt');
    await dialog().getByLabel('Instructions (system prompt)').fill('You are very shy.');
    expect(await page.violations()).toEqual([]);
    await dialog().getByRole('button', { name: 'Done' }).click();
    expect(await heads().allInnerTexts()).toEqual(['Base', 'Persona', 'Persona 2', 'Shy by prompt']);
    expect(await page.button('Add a pane').isDisabled()).toBe(true);

    await ask(QUESTION, 4);
    const said = await Promise.all(['Base', 'Persona', 'Persona 2', 'Shy by prompt'].map(textOf));
    expect(new Set(said).size).toBe(4);
    const made = (name: string) => answerOf(name).locator('footer').innerText();
    expect(await made('Persona')).toMatch(/E\s*−2\.00/);
    expect(await made('Persona 2')).toMatch(/E\s*\+2\.00/);
    expect(await made('Shy by prompt')).toMatch(/all at 0/);
    expect(await made('Base')).toMatch(/\d+ tokens\s+\d+\/s\s+seed 7\s+first after \d+ ms/);
    expect(await page.page.evaluate('document.documentElement.scrollWidth')).toBe(1280);
    expect(await page.violations()).toEqual([]);

    await openLast();
    await expect.poll(() => heads().allInnerTexts()).toHaveLength(4);
    expect(await Promise.all(['Base', 'Persona', 'Persona 2', 'Shy by prompt'].map(textOf))).toEqual(said);
  });

  it('are renamed, asked alone, removed, and brought back', async () => {
    await add(/^The base/);
    await choose('Base 2', 'Name and settings…');
    await dialog().getByLabel('Name of the pane').fill('Control');
    await page.page.keyboard.press('Escape');
    await expect.poll(() => heads().allInnerTexts()).toEqual(['Base', 'Persona', 'Control']);
    await page.page.getByLabel('Ask', { exact: true }).selectOption({ label: 'Control' });
    await page.page.getByRole('textbox', { name: 'Your question to Control alone' }).waitFor();
    await ask(QUESTION, 1);
    expect(await page.page.getByText('Not asked').count()).toBe(2);
    expect(await textOf('Control')).not.toBe('');

    await choose('Control', 'Remove');
    await expect.poll(() => heads().allInnerTexts()).toEqual(['Base', 'Persona']);
    expect(await page.page.getByRole('article').count()).toBe(0);
    const notice = page.page.getByRole('listitem').filter({ hasText: '“Control” removed.' });
    await notice.getByRole('button', { name: 'Undo' }).click();
    expect(await textOf('Control')).not.toBe('');

    await choose('Base', 'Remove');
    await choose('Persona', 'Remove');
    await page.button('More for Control').click();
    expect(await page.page.getByRole('button', { name: 'Remove', exact: true }).count()).toBe(0);
  });

  it('may be a persona of the gallery', async () => {
    await page.set('Openness', '1.5');
    await page.view('Personas').click();
    await page.page.getByLabel('Name for the present sliders').fill('Quill');
    await page.page.keyboard.press('Enter');
    await page.page.getByText('“Quill” saved.').waitFor();
    await page.view('Studio').click();
    await page.set('Openness', '0');
    await add(/^Quill/);
    await ask(QUESTION, 3);
    expect(await answerOf('Quill').locator('footer').innerText()).toMatch(/O\s*\+1\.50/);
    await page.set('Openness', '-1');
    await expect
      .poll(() => answerOf('Persona').locator('footer').innerText(), { timeout: PATIENCE })
      .toMatch(/O\s*−1\.00/);
    await complete(3);
    expect(await answerOf('Quill').locator('footer').innerText()).toMatch(/O\s*\+1\.50/);
  });
});

describe('an answer', () => {
  it('keeps its takes: gone through by button and by arrow key, also after a reload', async () => {
    await page.set('Extraversion', '2');
    await ask(QUESTION, 2);
    const first = await textOf('Persona');
    await answerOf('Persona').getByRole('button', { name: 'Answer again' }).press('Enter');
    await complete(2);
    const second = await textOf('Persona');
    expect(second).not.toBe(first);
    expect(await answerOf('Persona').innerText()).toContain('2/2');
    // The focus is still on the button.
    await page.page.keyboard.press('ArrowLeft');
    expect(await textOf('Persona')).toBe(first);
    await openLast();
    await expect.poll(() => textOf('Persona')).toBe(first);
    await answerOf('Persona').getByRole('button', { name: 'The next one' }).click();
    expect(await textOf('Persona')).toBe(second);
  });

  it('can be stopped alone while the others go on', async () => {
    await ask('Hello!', 2);
    const [worker] = running.studio.inferenceWorkers() as [number];
    process.kill(worker, 'SIGSTOP');
    try {
      await page.question.fill(OTHER);
      await page.question.press('Enter');
      await answerOf('Persona').last().getByRole('button', { name: 'Stop this answer' }).click();
      await page.stateOf('Persona', 'stopped');
      expect(await page.answer('Base').getAttribute('data-state')).not.toBe('stopped');
    } finally {
      process.kill(worker, 'SIGCONT');
    }
    expect(await page.done('Base')).not.toBe('');
  });

  it('has its question edited: the new wording stands beside the old one', async () => {
    await ask(QUESTION, 2);
    const before = await textOf('Base');
    await ask('Why?', 2);
    await page.button('Edit and ask again').first().click();
    const field = page.page.getByRole('textbox', { name: 'The question in other words' });
    expect(await field.inputValue()).toBe(QUESTION);
    await field.press('Escape');
    expect(await page.page.evaluate('document.activeElement.ariaLabel')).toBe('Edit and ask again');
    await page.page.keyboard.press('Enter');
    await field.fill(OTHER);
    await field.press('Enter');
    await complete(2);
    const questions = () => page.page.locator('article .question').allInnerTexts();
    expect((await questions()).join()).toContain(OTHER);
    expect(await page.page.getByRole('article').count()).toBe(1);
    const wordings = page.page.getByRole('group', { name: 'Wordings of this question' });
    expect(await wordings.innerText()).toContain('2/2');
    await wordings.getByRole('button', { name: 'The one before' }).click();
    await expect.poll(() => page.page.getByRole('article').count()).toBe(2);
    expect(await answerOf('Base').first().getByTestId('text').innerText()).toBe(before);
  });

  it('draws a seed of its own when that is asked for', async () => {
    await page.button('Settings of the conversation').click();
    expect(await page.violations()).toEqual([]);
    await dialog().getByLabel('Same seed for all').uncheck();
    await dialog().getByLabel('in turn').check();
    await page.page.keyboard.press('Escape');
    await ask(QUESTION, 2);
    const seeds = await Promise.all(
      ['Base', 'Persona'].map(
        async name => /seed (\d+)/.exec(await answerOf(name).locator('footer').innerText())?.[1],
      ),
    );
    expect(seeds[0]).not.toBe(seeds[1]);
  });
});

it('a blind study hides who is who, takes votes by key and button, keeps them, and tallies them', async () => {
  await page.set('Extraversion', '2');
  await page.button('Settings of the conversation').click();
  await dialog().getByLabel('Rater').fill('R1');
  await dialog().getByRole('button', { name: 'Begin blind study' }).click();
  expect(await heads().allInnerTexts()).toEqual(['A', 'B']);
  // Sliders, chips and past runs would tell.
  await page.page.getByRole('region', { name: 'Sliders hidden' }).waitFor();
  expect(await page.page.getByRole('slider').count()).toBe(0);
  await page.page.getByRole('region', { name: 'Measurement and past runs hidden', exact: true }).waitFor();
  for (const name of ['Measurement', 'Past runs'])
    expect(await page.page.getByRole('region', { name, exact: true }).count()).toBe(0);
  await page.view('Notebook').click();
  await page.page.getByRole('region', { name: 'Hidden for now' }).waitFor();
  await page.view('Studio').click();
  // A search would name the panes beside what they said.
  expect(await page.button('Past conversations').isDisabled()).toBe(true);
  await ask(QUESTION, 2);
  const panel = page.page.getByRole('region', { name: 'Conversation' });
  expect(await panel.innerText()).not.toMatch(/Persona|Base|seed|E\s*\+2/);
  const vote = (turn: number) => page.page.getByRole('group', { name: 'Which answer is better?' }).nth(turn);
  const pressed = (turn: number) => vote(turn).locator('[aria-pressed="true"]').allInnerTexts();
  // Nothing was being typed: the focus is on the vote, and goes back afterwards.
  await expect.poll(() => page.page.evaluate('document.activeElement.textContent.trim()')).toBe('A');
  await page.page.keyboard.press('2');
  await expect.poll(() => pressed(0)).toEqual(['B']);
  await expect.poll(() => page.page.evaluate('document.activeElement.tagName')).toBe('TEXTAREA');
  const best = await textOf('B');
  await ask(OTHER, 2);
  await vote(1).getByRole('button', { name: 'Tie' }).click();
  await expect.poll(() => pressed(1)).toEqual(['Tie']);
  expect(await page.violations()).toEqual([]);

  await openLast();
  await expect.poll(() => heads().allInnerTexts()).toEqual(['A', 'B']);
  await expect.poll(() => pressed(0)).toEqual(['B']);
  await page.button('Reveal').click();
  const name = (await heads().nth(1).innerText()).replace(/^B\s*/, '');
  expect(['Base', 'Persona']).toContain(name);
  expect(await answerOf(name).first().getByTestId('text').innerText()).toBe(best);
  const row = (of: string) => page.page.getByRole('row', { name: new RegExp(`^${of}`) }).getByRole('cell');
  expect(await row(name).allInnerTexts()).toEqual(['1', '2', '50 %']);
  expect(await row('Ties').allInnerTexts()).toEqual(['1', '2', '50 %']);
  await page.page.getByText('Sign test without ties: p = 1.000').waitFor();
  expect(await page.violations()).toEqual([]);
  const [download] = await Promise.all([
    page.page.waitForEvent('download'),
    page.button('Save votes (CSV)').click(),
  ]);
  const csv = readFileSync(await download.path(), 'utf8');
  expect(csv).toMatch(new RegExp(`,R1,${name},2,`));
  await page.button('End study').click();
  expect(await heads().allInnerTexts()).toEqual(['Base', 'Persona']);
  expect(await page.value('Extraversion').inputValue()).toBe('+2.00');
});

it('a last conversation with a very long title leaves what to do first in the middle', async () => {
  await ask('Averyverylongwordwithoutspaces'.repeat(12), 2);
  await page.page.reload();
  await page.page.getByRole('button', { name: /^Go on with “Averyvery/ }).waitFor();
  const middle = async (of: Locator) => {
    const box = await of.boundingBox();
    return (box?.x ?? 0) + (box?.width ?? 0) / 2;
  };
  const panel = await middle(page.page.getByRole('log', { name: 'Conversation' }));
  const heading = await middle(page.page.getByRole('heading', { name: 'One question, two answers' }));
  expect(Math.abs(heading - panel)).toBeLessThan(12);
  expect(await page.clipped()).toEqual([]);
});

it('a role-play begins with its first words and keeps to its pane', async () => {
  await add(/^Instructions alone/);
  await dialog().getByLabel('Name of the pane').fill('Captain');
  await dialog().getByLabel('Name of the character').fill('Mara');
  await dialog().getByLabel('Character', { exact: true }).fill('{{char}} is a captain.');
  await dialog().getByLabel('Scenario').fill('On the quay.');
  // A long one does not push what to do first out of view, and can be scrolled by keyboard.
  await dialog().getByLabel('First message').fill('Ahoy, {{user}}! '.repeat(60));
  const todo = page.page.getByRole('heading', { name: 'One question, three answers' });
  await expect.poll(async () => (await todo.boundingBox())?.y ?? 800).toBeLessThan(600);
  expect(await page.violations()).toEqual([]);
  await dialog().getByLabel('First message').fill('Ahoy, {{user}}! I am {{char}}.');
  await dialog().getByRole('button', { name: 'Done' }).click();
  await page.page.getByText('Ahoy, User! I am Mara.').waitFor();
  await page.page.getByText('plays Mara').waitFor();
  await ask(QUESTION, 3);
  const first = page.page.getByRole('region', { name: 'First words of Captain' });
  expect((await first.getByTestId('text').innerText()).trim()).toBe('Ahoy, User! I am Mara.');
  expect(await page.page.getByRole('region', { name: /^First words/ }).count()).toBe(1);
  await openLast();
  await first.waitFor();
  await choose('Captain', 'Name and settings…');
  expect(await dialog().getByLabel('Scenario').inputValue()).toBe('On the quay.');
});

it('a long conversation draws its newest questions first, and the earlier ones when asked to', async () => {
  await page.page.getByLabel('Token limit', { exact: true }).fill('1');
  await page.page.getByLabel('Token limit', { exact: true }).press('Enter');
  await choose('Base', 'Remove');
  const asked = 42;
  for (let number = 1; number <= asked; number++) {
    await page.page.getByRole('textbox', { name: 'Your question' }).fill(`Number ${number}.`);
    await page.page.keyboard.press('Enter');
    await page.stateOf('Persona', 'done');
  }
  const rows = page.page.getByRole('article');
  expect(await rows.count()).toBe(40);
  expect(await rows.first().innerText()).toContain('Number 3.');
  await page.button('Show earlier questions (2 more)').click();
  expect(await rows.count()).toBe(asked);
  // What was at the top is still in view.
  const box = await rows.nth(2).boundingBox();
  expect(box?.y).toBeGreaterThan(0);
  expect(box?.y).toBeLessThan(800);
  // One that a search finds is drawn without asking.
  await page.page.reload();
  await page.button('Past conversations').click();
  await dialog().getByRole('searchbox').fill('"Number 2"');
  await dialog().getByRole('button').filter({ hasText: 'You:' }).first().click();
  await dialog().waitFor({ state: 'detached' });
  const found = page.page.locator('article.found');
  expect(await found.innerText()).toContain('Number 2.');
  expect((await found.boundingBox())?.y).toBeLessThan(400);
});
