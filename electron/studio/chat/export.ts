/** A conversation as a file to read (Markdown, HTML) or to work with (CSV, JSON); docs/conversations.md lists the columns. */
import type {
  ConversationData,
  ConversationFormat,
  PaneData,
  Picture,
  StoredMessage,
  Vote,
} from '../contract.ts';
import { liveObstacle, systemPrompt, TRAITS, weightsText } from '../contract.ts';

export function exported(
  conversation: ConversationData,
  format: ConversationFormat,
  /** A picture as an address that holds it; undefined where it is not kept. */
  shown: (picture: Picture) => string | undefined = () => undefined,
): { name: string; type: string; text: string } {
  const name = fileName(conversation.title);
  switch (format) {
    case 'markdown':
      return { name: `${name}.md`, type: 'text/markdown', text: markdown(conversation) };
    case 'html':
      return { name: `${name}.html`, type: 'text/html', text: html(conversation, shown) };
    case 'csv':
      return { name: `${name}.csv`, type: 'text/csv', text: csv(messageRows(conversation)) };
    case 'votes':
      return { name: `${name}-votes.csv`, type: 'text/csv', text: csv(voteRows(conversation)) };
    case 'json':
      return {
        name: `${name}.json`,
        type: 'application/json',
        text: `${JSON.stringify({ format: 'temperament.conversation', version: 1, ...conversation }, null, 2)}\n`,
      };
    default:
      return format satisfies never;
  }
}

/** A title as a file's name, without an ending. */
export const fileName = (title: string, otherwise = 'conversation') =>
  title
    .normalize('NFKD')
    .replaceAll(/[^\p{L}\p{N}]+/gu, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 60)
    .toLowerCase() || otherwise;

// ── What is in view ────────────────────────────────────────────────────────────────────────────────────────

interface Turn {
  turn: number;
  question: string;
  pictures: Picture[];
  answers: { pane: PaneData; message: StoredMessage }[];
}

/** The branches in view of the panes in view, as turns; a turn has the answers of those panes that it went to. */
export function turnsInView({ panes, messages }: Pick<ConversationData, 'panes' | 'messages'>): Turn[] {
  const byId = new Map(messages.map(message => [message.id, message]));
  const turns = new Map<number, Turn>();
  for (const pane of panes) {
    if (pane.removed) continue;
    for (let at = pane.head; at !== null; ) {
      const message = byId.get(at);
      if (!message) break;
      const turn = turns.get(message.turn) ?? { turn: message.turn, question: '', pictures: [], answers: [] };
      turns.set(message.turn, turn);
      if (message.role === 'user') {
        turn.question = message.text;
        turn.pictures = message.pictures;
      } else turn.answers.push({ pane, message });
      at = message.parent;
    }
  }
  return [...turns.values()].sort((a, b) => a.turn - b.turn);
}

/** How often each pane was the best, and how many votes were ties. */
function tally(panes: PaneData[], votes: Vote[]): { pane: PaneData; best: number; compared: number }[] {
  return panes
    .map(pane => ({
      pane,
      best: votes.filter(({ choice }) => choice === pane.id).length,
      compared: votes.filter(({ answers }) => answers.some(answer => answer.pane === pane.id)).length,
    }))
    .filter(({ compared }) => compared > 0);
}

const ties = (votes: Vote[]) => votes.filter(({ choice }) => choice === 'tie').length;

/** `seed 7 · 34 tokens · 218 tokens/s · first after 12 ms · stopped` */
function facts({ result, seed, state }: StoredMessage): string {
  const parts = [`seed ${seed}`];
  if (result)
    parts.push(
      `${result.tokens} tokens`,
      `${result.tokensPerSecond.toFixed(1)} tokens/s`,
      `first after ${result.firstTokenMs.toFixed(0)} ms`,
    );
  if (state !== 'done') parts.push(state);
  return parts.join(' · ');
}

// ── To read ────────────────────────────────────────────────────────────────────────────────────────────────

function markdown(conversation: ConversationData): string {
  const { title, createdAt, panes, personas, votes } = conversation;
  const shown = panes.filter(({ removed }) => !removed);
  const lines = [
    `# ${title}`,
    '',
    `Begun ${createdAt}, conversation ${conversation.id}.`,
    '',
    '## Panes',
    '',
  ];
  for (const { name, persona } of shown) {
    const { temperature, topP, maxTokens } = persona.sampling;
    lines.push(
      `- **${name}**: ${persona.recipe.base}, ${weightsText(persona.recipe.weights)}; temperature ${temperature}, top p ${topP}, at most ${maxTokens} tokens`,
    );
    const system = systemPrompt(persona);
    if (system) lines.push('', quoted(system, '  > '), '');
  }
  if (votes.length > 0) {
    lines.push('', '## Votes', '', '| Pane | Best | Compared |', '|---|---|---|');
    for (const { pane, best, compared } of tally(panes, votes))
      lines.push(`| ${pane.name.replaceAll('|', '\\|')} | ${best} | ${compared} |`);
    lines.push(`| Ties | ${ties(votes)} | ${votes.length} |`);
  }
  for (const { turn, question, pictures, answers } of turnsInView(conversation)) {
    if (turn > 0) lines.push('', `## ${turn}`, '', quoted(question, ''));
    else lines.push('', '## Opening');
    for (const picture of pictures) lines.push('', `Picture: ${pictureText(picture)}`);
    for (const { pane, message } of answers) {
      const persona = message.persona === null ? undefined : personas[message.persona];
      const made = persona ? ` (${weightsText(persona.recipe.weights)}; ${facts(message)})` : '';
      lines.push('', `**${pane.name}**${made}`, '', quoted(message.text || message.error?.message || '–'));
    }
  }
  return `${lines.join('\n')}\n`;
}

/** `red.png, 32 × 32, SHA-256 0a1b…` */
const pictureText = ({ name, width, height, hash }: Picture) =>
  `${name}, ${width} × ${height}, SHA-256 ${hash}`;

const quoted = (text: string, mark = '> ') =>
  text
    .split('\n')
    .map(line => `${mark}${line}`.trimEnd())
    .join('\n');

const STYLE = `:root{color-scheme:light dark}body{max-width:72rem;margin:2rem auto;padding:0 1rem;font:15px/1.6 system-ui,sans-serif}
h1{font-size:1.4rem}h2{margin:2rem 0 .5rem;font-size:1rem;text-align:center;font-weight:600;white-space:pre-wrap}
.answers{display:grid;grid-template-columns:repeat(auto-fit,minmax(14rem,1fr));gap:1rem;align-items:start}
.answer{padding:.75rem 1rem;border-left:3px solid #0f6e5c;background:#8881;border-radius:.25rem}
.answer p{margin:.25rem 0;white-space:pre-wrap;overflow-wrap:anywhere}.quiet{opacity:.75;font-size:.8rem}
table{border-collapse:collapse}th,td{padding:.25rem .75rem;border-bottom:1px solid #8885;text-align:left;vertical-align:top}
td{white-space:pre-wrap}img{display:block;max-width:20rem;max-height:20rem;margin:.5rem auto}`;

function html(conversation: ConversationData, addressOf: (picture: Picture) => string | undefined): string {
  const { title, id, createdAt, panes, personas, votes } = conversation;
  const shown = panes.filter(({ removed }) => !removed);
  const row = (cells: (string | number)[], tag = 'td') =>
    `<tr>${cells.map(cell => `<${tag}>${escaped(String(cell))}</${tag}>`).join('')}</tr>`;
  const described = shown.map(({ name, persona }) => {
    const { temperature, topP, maxTokens } = persona.sampling;
    return row([
      name,
      persona.recipe.base,
      weightsText(persona.recipe.weights),
      `temperature ${temperature}, top p ${topP}, at most ${maxTokens} tokens`,
      systemPrompt(persona),
    ]);
  });
  const counted =
    votes.length === 0
      ? ''
      : `<h2>Votes</h2><table>${row(['Pane', 'Best', 'Compared'], 'th')}${tally(panes, votes)
          .map(({ pane, best, compared }) => row([pane.name, best, compared]))
          .join('')}${row(['Ties', ties(votes), votes.length])}</table>`;
  const turns = turnsInView(conversation).map(({ question, pictures, answers }) => {
    const cells = answers.map(({ pane, message }) => {
      const persona = message.persona === null ? undefined : personas[message.persona];
      const made = persona
        ? `<p class="quiet">${escaped(`${weightsText(persona.recipe.weights)} · ${facts(message)}`)}</p>`
        : '';
      const said = escaped(message.text || message.error?.message || '–');
      return `<div class="answer"><strong>${escaped(pane.name)}</strong><p>${said}</p>${made}</div>`;
    });
    const seen = pictures.map(picture => {
      const address = addressOf(picture);
      const text = escaped(pictureText(picture));
      return address
        ? `<img src="${address}" alt="${escaped(picture.name)}" title="${text}">`
        : `<p class="quiet">${text}</p>`;
    });
    const asked = question ? `<h2>${escaped(question)}</h2>${seen.join('')}` : '';
    return `<section>${asked}<div class="answers">${cells.join('')}</div></section>`;
  });
  return `<!doctype html>
<html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)}</title><style>${STYLE}</style></head>
<body><h1>${escaped(title)}</h1><p class="quiet">Begun ${createdAt}, conversation ${id}</p>
<table>${row(['Pane', 'Model', 'Mix', 'Sampling', 'System prompt'], 'th')}${described.join('')}</table>
${counted}
${turns.join('\n')}
</body></html>
`;
}

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string) => text.replaceAll(/[&<>"]/g, character => ESCAPES[character] ?? '');

// ── To work with ───────────────────────────────────────────────────────────────────────────────────────────

type Cell = string | number | null | undefined;

/** A byte-order mark, so that Excel takes it for UTF-8; lines end as RFC 4180 has them. */
const csv = (rows: Cell[][]) => `\ufeff${rows.map(row => row.map(cell).join(',')).join('\r\n')}\r\n`;

const cell = (value: Cell) => {
  const text = value == null ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

function messageRows(conversation: ConversationData): Cell[][] {
  const { id, title, panes, messages, personas, votes } = conversation;
  const inView = new Set(
    turnsInView(conversation).flatMap(({ answers }) => answers.map(({ message }) => message.id)),
  );
  const parents = new Map(messages.map(({ id: message, parent }) => [message, parent]));
  for (const answer of [...inView]) {
    const question = parents.get(answer);
    if (question) inView.add(question);
  }
  for (const { head } of panes) if (head) inView.add(head);
  const siblings = new Map<string, number>();
  const head: Cell[] = ['conversation', 'title', 'turn', 'pane', 'pane_name', 'role', 'message', 'parent'];
  head.push('alternative', 'in_view', 'text', 'state', 'model', ...TRAITS, 'method', 'live', 'system');
  head.push('temperature', 'top_p', 'max_tokens', 'seed', 'tokens', 'first_token_ms', 'tokens_per_second');
  head.push('votes_best', 'votes_tie', 'run', 'created_at', 'pictures');
  const rows = messages.map((message): Cell[] => {
    const pane = panes.find(({ id: other }) => other === message.pane);
    const family = `${message.pane} ${message.parent}`;
    const alternative = (siblings.get(family) ?? 0) + 1;
    siblings.set(family, alternative);
    const persona = message.persona === null ? undefined : personas[message.persona];
    const { recipe, sampling } = persona ?? {};
    const about = votes.filter(({ answers }) => answers.some(answer => answer.message === message.id));
    const answer = message.role === 'assistant';
    return [
      ...[id, title, message.turn, message.pane, pane?.name, message.role, message.id, message.parent],
      ...[alternative, inView.has(message.id) ? 1 : 0, message.text, message.state, recipe?.base],
      ...TRAITS.map(trait => recipe && (recipe.weights[trait] ?? 0)),
      ...[recipe?.method, recipe && (liveObstacle(recipe) === null ? 'exact' : 'approximation')],
      ...[persona && systemPrompt(persona), sampling?.temperature, sampling?.topP, sampling?.maxTokens],
      ...[message.seed, message.result?.tokens, message.result?.firstTokenMs],
      message.result?.tokensPerSecond,
      answer ? about.filter(({ choice }) => choice === message.pane).length : null,
      answer ? about.filter(({ choice }) => choice === 'tie').length : null,
      ...[message.run, message.createdAt, message.pictures.map(pictureText).join(' | ')],
    ];
  });
  return [head, ...rows];
}

function voteRows({ id, title, panes, messages, votes }: ConversationData): Cell[][] {
  const nameOf = (pane: string) => panes.find(({ id: other }) => other === pane)?.name ?? pane;
  const head = [
    'conversation',
    'title',
    'turn',
    'question',
    'rater',
    'best',
    'best_place',
    'shown',
    'seed',
    'at',
  ];
  const rows = votes.map(({ turn, rater, choice, answers, seed, at }): Cell[] => {
    const question = messages.find(message => message.turn === turn && message.role === 'user');
    const place = answers.findIndex(({ pane }) => pane === choice) + 1;
    const shown = answers.map(({ pane }) => nameOf(pane)).join(' | ');
    return [
      ...[id, title, turn, question?.text, rater, choice === 'tie' ? 'tie' : nameOf(choice)],
      ...[place || null, shown, seed, at],
    ];
  });
  return [head, ...rows];
}
