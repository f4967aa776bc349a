/** What a design will take, in words. */
import { span } from '../../lib/format.ts';
import { t } from '../../lib/strings.ts';
import { type Design, type Experiments, withoutInventory } from '../../state/experiments.svelte.ts';

/** `9 assessments, about 40 s`; without the time while nothing is known of the model's pace. */
export function effortText(experiments: Experiments, design: Design): string {
  const amount = experiments.amountOf(design);
  const seconds = experiments.secondsOf(design);
  const text = withoutInventory(design) ? t.experiments.answers(amount) : t.experiments.assessments(amount);
  return seconds === null ? text : `${text}, ${t.experiments.about(span(Math.max(1, seconds)))}`;
}
