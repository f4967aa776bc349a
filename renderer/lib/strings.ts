/**
 * Everything the user reads, in one place, so that a second language is a second object of this shape; only the merge
 * methods and what the studio itself says come with their own words.
 */
import type { RunKind, Trait, Warning } from '../../electron/studio/contract.ts';

interface TraitWords {
  name: string;
  /** One letter for chips, as psychologists abbreviate the five. */
  letter: string;
  low: string;
  high: string;
  /** What the trait is about, for the help. */
  about: string;
}

const traits: Record<Trait, TraitWords> = {
  openness: {
    name: 'Openness',
    letter: 'O',
    low: 'conventional',
    high: 'imaginative',
    about: 'Curiosity and imagination, against what is familiar and practical.',
  },
  conscientiousness: {
    name: 'Conscientiousness',
    letter: 'C',
    low: 'careless',
    high: 'organised',
    about: 'Order, planning and reliability, against doing things as they come.',
  },
  extraversion: {
    name: 'Extraversion',
    letter: 'E',
    low: 'reserved',
    high: 'outgoing',
    about: 'Energy and company, against quiet and being alone.',
  },
  agreeableness: {
    name: 'Agreeableness',
    letter: 'A',
    low: 'hostile',
    high: 'kind',
    about: 'Warmth and trust, against bluntness and quarrel.',
  },
  neuroticism: {
    name: 'Neuroticism',
    letter: 'N',
    low: 'calm',
    high: 'anxious',
    about: 'Worry and strong moods, against an even temper.',
  },
};

const kinds: Record<RunKind, string> = {
  chat: 'Answer',
  assess: 'Measurement',
  sweep: 'Sweep',
  profiles: 'Profile study',
  methods_compare: 'Comparison of methods',
  prompting: 'Prompting against vectors',
  transfer: 'Transfer',
  capability: 'Capability check',
  stability: 'Stability',
  calibrate: 'Calibration',
  target: 'Target profile',
  tune: 'Tuning',
  bake: 'Model file',
  extract: 'Vector',
  compare: 'Comparison of vectors',
  rerun: 'Done again',
};

/** Short names of the warnings; the studio's message says the rest. */
const warnings: Record<Warning['code'], string> = {
  alpha_sum_high: 'Strong mix',
  unethical_text_risk: 'Harsh text likely',
  quantised_source: 'Compressed source model',
  quantised_target: 'Compressed file type',
  other_backbone: 'Vector of another model family',
  other_content: 'Vector of another model',
  live_approximation: 'Panes differ from the file',
  weights_normalized: 'Strength is averaged out',
  dense_factorised: 'Dense vectors are approximated',
  vector_missing: 'No vector',
};

export const t = {
  app: 'Temperament',
  traits,
  kinds,
  warnings,

  common: {
    close: 'Close',
    cancel: 'Cancel',
    undo: 'Undo',
    redo: 'Redo',
    retry: 'Try again',
    reload: 'Look again',
    dismiss: 'Dismiss',
    base: 'Base',
    persona: 'Persona',
    loading: 'Loading…',
    none: 'none',
    seconds: (s: string) => `${s} s`,
  },

  connection: {
    connecting: 'Connecting…',
    open: 'Connected',
    lost: 'Connection lost. Trying again…',
    closed: 'The studio has ended. Start it again, then reload this page.',
    never:
      'No connection yet. Is the studio still running? If it is, open the complete address that it printed when it started: the address carries your key.',
  },

  errors: {
    notConnected: 'The connection to the studio was lost.',
    notConnectedAction: 'It is being restored; then try again.',
    unknown: 'Something went wrong inside the studio.',
    unknownAction: 'Try again. If it happens again, the log holds the details.',
    workerLost: 'The process that runs the model ended unexpectedly. It starts again by itself.',
    workerLostAction: 'Ask again. Nothing that was logged is lost.',
    file: (file: string) => `File: ${file}`,
    field: (field: string) => `Field: ${field}`,
  },

  views: {
    label: 'Views',
    names: { studio: 'Studio', personas: 'Personas', library: 'Library' },
    about: {
      studio: 'Sliders, conversation and measurement',
      personas: 'Personas that you keep, with their mix and instructions',
      library: 'Models and vectors, and where they come from',
    },
    hint: (about: string, key: number) => `${about} (Ctrl+${key})`,
    title: (view: string, app: string) => `${view} – ${app}`,
  },

  header: {
    model: 'Model',
    theme: 'Colours',
    themes: { system: 'As the system', light: 'Light', dark: 'Dark' },
    help: 'Help',
    demo: 'Demonstration model',
    demoAbout:
      'A miniature to try the studio with. What it says or scores is no evidence about people or large models.',
    broken: (n: number) => (n === 1 ? '1 file could not be read' : `${n} files could not be read`),
  },

  library: {
    title: 'Library',
    folder: 'Put GGUF files of chat models into this folder, then look again:',
    vectorFolder: 'Personality vectors (GGUF) go here:',
    empty: 'No model yet',
    emptyBody:
      'The studio works on chat models in GGUF files. Put one into the first folder below and its personality vectors into the second, then look again.',
    name: 'Model',
    type: 'Type',
    size: 'Size',
    vectors: 'Vectors that fit',
    vectorsOf: (n: number) => `${n} of 10`,
    broken: 'Files that could not be read',
    use: (name: string) => `Use ${name}`,
    inUse: 'In use',
    noneFit: 'No personality vector fits this model, so the sliders cannot act on it yet.',
    noneFitAction: 'How to add vectors',
    howVectors:
      'A vector is the difference between a base model and a copy of it that was fine-tuned towards one pole of one trait. The terminal command “extract” makes one from two such files.',
  },

  mixer: {
    title: 'Personality',
    reset: 'Reset all',
    resetDone: 'All sliders are back at 0.',
    hint: 'Double-click or Home sets a slider to 0.',
    value: (trait: string) => `${trait}: strength`,
    neutral: 'neutral',
    budget: 'Total strength',
    budgetOf: (sum: string, limit: string) => `${sum} of ${limit}`,
    budgetAbout: 'Sum of all strengths. Above 2 a model follows instructions less well.',
    warnings: 'Warnings',
    checking: 'The mix could not be checked.',
  },

  settings: {
    title: 'Instructions and sampling',
    system: 'Instructions to the model (system prompt)',
    systemPlaceholder: 'For both panes, e.g. “Answer in two sentences.”',
    temperature: 'Temperature',
    seed: 'Seed',
    length: 'Token limit',
    newSeed: 'Draw a new seed',
    character: (name: string) => `Both play ${name}, as the persona that was opened.`,
    noCharacter: 'No character',
  },

  baking: {
    title: 'Advanced: save as a file',
    about:
      'The panes mix while you move the sliders, always by plain addition. A file can be mixed by another method, and works in any program that reads GGUF.',
    method: 'Method',
    settingsOf: (method: string) => `Settings of ${method}`,
    range: (range: string, usual: string) => `Range: ${range}; default ${usual}.`,
    slider: (weight: string) => `The slider sets the ${weight.charAt(0).toLowerCase()}${weight.slice(1)}.`,
    factors:
      'The recipe that was restored also varies the strengths over the model’s depth or by tensor name; the file will too.',
    defaults: 'Back to defaults',
    on: 'on',
    off: 'off',
    type: 'File type',
    start: 'Save model file',
    needsMix: 'Move a slider first: without one the file would be a copy of the base.',
    running: 'Writing the model file',
    done: (size: string, seconds: string) => `Saved, ${size}, in ${seconds} s`,
    types: {
      f32: 'F32 (largest, exact)',
      f16: 'F16',
      bf16: 'BF16',
      q8_0: 'Q8_0 (half of F16)',
      q6_k: 'Q6_K',
      q5_k_m: 'Q5_K_M',
      q5_k_s: 'Q5_K_S',
      q4_k_m: 'Q4_K_M (a third of F16)',
      q4_k_s: 'Q4_K_S',
      q4_0: 'Q4_0',
      iq4_xs: 'IQ4_XS',
      q3_k_l: 'Q3_K_L',
      q3_k_m: 'Q3_K_M',
      q3_k_s: 'Q3_K_S',
      q2_k: 'Q2_K (smallest)',
    },
  },

  chat: {
    title: 'Conversation',
    baseAbout: 'all sliders at 0',
    same: 'no slider moved yet',
    follow: 'Answer again when a slider moves',
    keys: 'Enter sends, Shift+Enter starts a line',
    input: 'Your question to both',
    placeholder: 'Ask both the same question…',
    send: 'Send',
    stop: 'Stop',
    clear: 'New conversation',
    cleared: 'A new conversation. The old one is kept.',
    emptyTitle: 'One question, two answers',
    emptyBody:
      'Move a slider on the left, then ask. The base answers as the model is; the persona answers with your sliders.',
    you: 'You',
    suggestions: [
      'Will you go to the party?',
      'What do you like to do for fun?',
      'My friend and I had a fight, what should I do?',
      'What are your travel plans?',
    ],
    latest: 'Latest',
    waiting: 'Thinking',
    complete: 'Both answers are complete.',
    again: 'Answer again',
    againAbout: 'Answer again: with the present sliders, or with the next seed when nothing has changed',
    copy: 'Copy',
    copied: 'Copied.',
    copyFailed: 'The text could not be copied here. Select it and copy it by hand.',
    stopped: 'stopped',
    cutOff: 'reached the longest answer',
    empty: 'The model ended its turn without a word.',
    speed: (n: string) => `${n}/s`,
    tokens: (n: number) => (n === 1 ? '1 token' : `${n} tokens`),
    seed: (n: number) => `seed ${n}`,
    answerOf: (side: string) => `Answer of ${side}`,
    readout: 'Words used, base → persona',
    readoutNone: 'No difference in the words that are counted.',
    readoutAbout:
      'Share of all words in each category; hold the pointer over one to see its words. Short answers vary a lot.',
    noModel: 'Choose a model first.',
  },

  kept: {
    title: 'Past conversations',
    search: 'Search every word',
    noHit: 'No message has all of these words.',
    empty: 'Nothing yet. Every question and answer is kept here as it comes.',
    messages: (n: number) => (n === 1 ? '1 message' : `${n} messages`),
    more: (shown: number, all: number) => `The newest ${shown} of ${all}; the search finds all.`,
    save: 'Save as…',
    saveAs: (title: string) => `Save “${title}” as a file`,
    remove: (title: string) => `Delete “${title}”`,
    removed: 'Conversation deleted.',
    opened: 'Conversation opened. The sliders stay as they are.',
  },

  personas: {
    title: 'Personas',
    name: 'Name for the present sliders',
    namePlaceholder: 'Name for the present sliders',
    save: 'Save',
    saveVersion: 'Save as new version',
    saved: (name: string) => `“${name}” saved.`,
    savedVersion: (name: string, version: number) => `“${name}” saved, version ${version}.`,
    unchanged: (name: string) => `“${name}” is just like this already.`,
    search: 'Search names, tags and notes',
    noHit: 'No persona has these words.',
    bring: 'Open a file…',
    bringAbout:
      'A .persona file, or a character card as PNG, JSON or CHARX; you can also drop it on the window.',
    brought: (name: string) => `“${name}” added.`,
    drop: 'Drop a persona file or a character card here.',
    tooLarge: (name: string, most: string) => `${name} is larger than ${most}, too large for the page.`,
    tooLargeAction: 'Import it in the terminal with “personas import”.',
    empty: 'No persona yet',
    emptyBody:
      'Move the sliders, give the mix a name above, and it stays here: to come back to, to compare, to hand to others as one file. Character cards of other programs open here too.',
    open: 'Open',
    openLabel: (name: string) => `Open ${name}`,
    opened: (name: string) => `“${name}” is on the sliders.`,
    more: (name: string) => `More for ${name}`,
    rename: 'Rename or change tags…',
    duplicate: 'Duplicate',
    choosePicture: 'Choose a picture (PNG)…',
    noPicture: 'Back to the emblem',
    newVersion: 'New version from the sliders',
    shareFile: 'Save as persona file',
    shareVectors: 'Save as persona file with vectors',
    shareCard: 'Save as character card (PNG)',
    shareJson: 'Save as character card (JSON)',
    shareCharx: 'Save as character card (CHARX)',
    remove: 'Delete',
    removed: (name: string) => `“${name}” deleted.`,
    version: (name: string) => `Version of ${name} in use`,
    versionOf: (version: number, date: string) => `Version ${version}, ${date}`,
    newName: 'Name',
    tags: 'Tags, with commas between them',
    notes: 'Notes',
    keep: 'Keep',
    tagsOf: (name: string) => `Tags of ${name}`,
    measured: (scores: string) => `Measured: ${scores}`,
    unmeasured: 'Not measured yet',
    missing: 'Missing here:',
    missingAction:
      'Ask who shared it for these files, put them into the folders shown in the Library, and look again.',
    missingOne: { model: (about: string) => `model ${about}`, vector: (about: string) => `vector ${about}` },
    missingHash: (file: string, hash: string) => `${file}, hash of the weights ${hash}`,
  },

  measure: {
    title: 'Measurement',
    start: 'Measure',
    again: 'Measure again',
    stale: 'The sliders or instructions have changed since this measurement.',
    otherModel: (name: string) => `Measured with ${name}.`,
    empty:
      'Measure puts 50 statements to the base and to the persona and reads each rating from the model’s own probabilities.',
    running: (side: string) => `Measuring ${side}`,
    trait: 'Trait',
    difference: 'Change',
    caption: 'Trait scores from 1 to 5: base, persona, and the change between them',
    note: '1 to 5 ± standard deviation over the items.',
    demoNote: 'A demonstration, no evidence.',
    validMass: (percent: string) => `${percent} of the answers’ probability was valid.`,
    lowMass: 'The model rarely answers with a number, so these scores say little.',
    radar: (rows: string) => `Radar chart of trait scores. ${rows}`,
    radarRow: (trait: string, base: string, persona: string) => `${trait}: base ${base}, persona ${persona}.`,
    cancelled: 'Measurement cancelled.',
  },

  runs: {
    title: 'Past runs',
    filter: 'Show',
    all: 'All',
    empty:
      'Everything you do is kept here: answers, measurements and files, with the sliders they were made with.',
    emptyKind: 'Nothing of this kind yet.',
    open: (title: string) => `Open ${title}`,
    states: {
      running: 'running',
      done: 'done',
      failed: 'failed',
      cancelled: 'cancelled',
      interrupted: 'interrupted',
    },
    resume: 'Go on',
    left: (time: string) => `${time} left`,
    restore: 'Restore sliders',
    restored: 'Sliders restored from the run.',
    modelGone: (name: string) =>
      `The model “${name}” is not in the library, so the present one stays selected.`,
    started: 'Started',
    took: 'Took',
    model: 'Model',
    sliders: 'Sliders',
    method: 'Method',
    seed: 'Seed',
    system: 'Instructions',
    question: 'Question',
    answer: 'Answer',
    file: 'File',
    size: 'Size',
    device: 'Computed on',
    correlation: 'Correlation r',
    alpha: 'Strength',
    score: 'Score',
    points: 'Points',
    vector: 'Vector',
    norm: 'Norm ‖φ‖',
    effectiveRank: 'Effective rank',
    conditions: 'Files and versions',
    hashes: 'Content hashes',
    versions: 'Versions',
    error: 'What went wrong',
    allZero: 'all at 0',
    imported: 'from a study of others',
    bring: 'Open a study file',
    keep: 'Take it along',
    keepAs: { report: 'Report', pdf: 'Report as PDF', study: 'Study file' },
    again: 'Do it again and compare',
    reproduced: (largest: string) => `The same within the tolerance; largest difference ${largest}`,
    notReproduced: 'Some values came out otherwise',
    values: 'Values',
    theSame: 'The same',
    beyond: 'Otherwise',
  },

  help: {
    title: 'How Temperament works',
    sections: [
      {
        title: 'The sliders',
        body: [
          'A personality vector is what changed in a model’s weights when it was trained to talk like the low or the high pole of one trait. A slider adds such a vector to the model. Its number, called α, is how much of it is added: 0 is the model as it is, +1 the whole vector of the high pole, −1 the whole vector of the low pole, 2 twice as much.',
          'Arrow keys move a slider by 0.05, Shift with an arrow or Page Up and Page Down by 0.5. Home or a double-click sets it to 0. Ctrl+Z takes back a move.',
        ],
      },
      {
        title: 'Total strength and warnings',
        body: [
          'Total strength is the sum of all α without their signs. Above 2 a model tends to follow instructions less well; the hatched part of a slider shows where that begins. Above 1.5, low agreeableness and high neuroticism tend to give aggressive or troubling text.',
          'A warning never stops you. It says what to expect and why.',
        ],
      },
      {
        title: 'Two answers, one seed',
        body: [
          'Base and persona get the same question, the same instructions and the same seed, and each remembers its own conversation. The seed fixes all chance in choosing words: the same seed, sliders and question give the same text again. So what differs between the panes comes from the sliders.',
          '“Answer again” uses the present sliders. When nothing has changed it takes the next seed, so that you get another take.',
        ],
      },
      {
        title: 'Past conversations',
        body: [
          'Every word is kept as it comes, also when the page is closed in the middle of an answer. The clock beside the input opens the list: search every word, go on with a conversation, save it as Markdown, HTML, CSV or JSON, or delete it. Earlier takes of an answer are kept too and stand in the CSV and JSON files.',
        ],
      },
      {
        title: 'Personas',
        body: [
          'Personas, at the left of the window, keeps a mix under a name, with its instructions, tags and what was measured of it. Saving under the same name makes a new version; the earlier ones stay. The picture is drawn from the sliders: a corner for each trait, further out the higher it is.',
          'A persona can be saved as one file for another Temperament, or as a character card that SillyTavern and its like open. Files and cards of others open by dropping them on the window. When a model or vector that one needs is not here, its name and hash are shown.',
        ],
      },
      {
        title: 'Measuring',
        body: [
          'Measure gives the model 50 public-domain questionnaire statements, each in a fresh conversation, and reads the rating from the probabilities of the answers 1 to 5. Nothing is drawn by chance, so measuring twice gives the same scores.',
          'A score describes how this model answers this questionnaire. It does not say that the model has a personality as people have one.',
        ],
      },
      {
        title: 'Words used',
        body: [
          'Below two answers stands which word categories differ most clearly between them, as shares of all words; hold the pointer over a category to see its words. A single short answer varies a lot; look for what repeats.',
          'The terminal’s “readout” counts whole conversations, folders and tables, with your own dictionaries too, and compares them with intervals.',
        ],
      },
      {
        title: 'Past runs',
        body: [
          'Every answer, measurement and file is kept with its sliders, seed, model and versions. Open one to read it or to restore its sliders. Nothing leaves this computer.',
        ],
      },
      {
        title: 'The demonstration models',
        body: [
          'The model called “demo” is tiny and was trained on made-up dialogues, so that the studio can be tried at once. It is a demonstration only: no evidence about people or about large models. For real work, add a GGUF model and its personality vectors in the Library.',
          'Four fine-tunes come with it: the characters Captain Mara and Mister Quill, a model that answers in German, and one that adds two numbers. The vectors were made from “demo”, yet move these too: what they were trained for stays, the personality follows the sliders.',
        ],
      },
    ],
    traits: 'The five traits',
    between: (low: string, high: string) => `${low} … ${high}`,
  },
};

/** A lexicon category as people read it: `positive_emotion` → `positive emotion`. */
export const categoryName = (key: string): string => key.replaceAll(/[_-]+/g, ' ');
