/** Where models run: in the inference worker, or on another server; whoever asks need not know. */
import type {
  AnswerEvent,
  AnswerInput,
  GenerateEvent,
  GenerateInput,
  LikelihoodEvent,
  LiveMix,
  RateEvent,
  RateInput,
} from '../workers/contract.ts';
import type { Endpoints, RemoteMix, SeenTurn } from './endpoints/endpoints.ts';
import { StudioError } from './errors.ts';
import type { Picture } from './pictures/contract.ts';
import type { WorkerClient } from './worker-client.ts';

/** A mix made real: files that are loaded here, or a model and the scales of its adapters elsewhere. */
export type Mix = LiveMix | RemoteMix;
type Of<I> = Omit<I, 'mix'> & { mix: Mix };

const noPictures = () =>
  new StudioError('bad_input', 'The engine of this machine shows models no pictures.', {
    field: 'pictures',
    action:
      'Serve the model with its projector by llama-server (“Serve …” in the library, or “endpoints command”), and choose it there.',
  });

export class Inference {
  readonly #worker: WorkerClient<'inference'>;
  readonly #endpoints: Endpoints;

  constructor(worker: WorkerClient<'inference'>, endpoints: Endpoints) {
    this.#worker = worker;
    this.#endpoints = endpoints;
  }

  /** Streams an answer to the conversation. */
  generate(
    { mix, turns, sampling }: Of<Omit<GenerateInput, 'turns'>> & { turns: SeenTurn[] },
    signal?: AbortSignal,
  ): AsyncIterable<GenerateEvent> {
    if ('endpoint' in mix) return this.#endpoints.generate({ mix, turns, sampling }, signal);
    if (turns.some(({ pictures = [] }) => pictures.length > 0)) throw noPictures();
    return this.#worker.stream(worker => worker.generate({ mix, turns, sampling }, { signal }));
  }

  /** The answers' probabilities as first tokens, for each prompt, in any order. */
  rate({ mix, ...input }: Of<RateInput>, signal?: AbortSignal): AsyncIterable<RateEvent> {
    if ('endpoint' in mix) return this.#endpoints.rate({ mix, ...input }, signal);
    return this.#worker.stream(worker => worker.rate({ mix, ...input }, { signal }));
  }

  /** Answers drawn to each prompt, in any order. `pictures[i]` go with `prompts[i]`. */
  answer(
    { mix, pictures, ...input }: Of<AnswerInput> & { pictures?: Picture[][] },
    signal?: AbortSignal,
  ): AsyncIterable<AnswerEvent> {
    if ('endpoint' in mix) return this.#endpoints.answer({ mix, pictures, ...input }, signal);
    if (pictures) throw noPictures();
    return this.#worker.stream(worker => worker.answer({ mix, ...input }, { signal }));
  }

  /** Σ ln p of texts; only here, because no server tells it of a text that it did not write. */
  likelihood(
    { mix, texts }: { mix: Mix; texts: string[] },
    signal?: AbortSignal,
  ): AsyncIterable<LikelihoodEvent> {
    if ('endpoint' in mix)
      throw new StudioError('bad_input', 'A server does not say how likely a text is to its model.', {
        field: 'persona',
        action: 'Use a model of this machine for it.',
      });
    return this.#worker.stream(worker => worker.likelihood({ mix, texts }, { signal }));
  }

  /** Lets go of a model's memory. */
  unload(model: string): Promise<void> {
    return this.#worker.call(worker => worker.unload({ model }));
  }
}
