/** A loaded model with its chat template, and conversations written for it. */
import type { Template } from '@huggingface/jinja';
import type { LlamaModel, Token } from 'node-llama-cpp';
import type { Turn } from './contract.ts';

export interface Loaded {
  model: LlamaModel;
  template: Template;
}

/** The conversation as the model's own chat template writes it, open for the assistant's next turn. */
export function render({ model, template }: Loaded, turns: Turn[]): Token[] {
  const piece = (token: Token | null) => (token == null ? '' : model.detokenize([token], true));
  const text = template.render({
    messages: turns,
    add_generation_prompt: true,
    bos_token: piece(model.tokens.bos),
    eos_token: piece(model.tokens.eos),
  });
  const tokens = model.tokenize(text, true);
  const { bos, shouldPrependBosToken } = model.tokens;
  return shouldPrependBosToken && bos != null && tokens[0] !== bos ? [bos, ...tokens] : tokens;
}
