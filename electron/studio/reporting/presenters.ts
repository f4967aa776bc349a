/**
 * What is told of each kind of run: data tables, APA tables and sentences, plots, and how it was designed and analysed.
 * A kind without an entry is told by its fields alone, so a new one can be exported and reported from its first day.
 */
import type { RunKind } from '../contract.ts';
import { general } from './general.ts';
import { presentAssessment } from './present-assessment.ts';
import { presentProfiles, presentSweep } from './present-designs.ts';
import {
  presentCalibration,
  presentCapability,
  presentMethods,
  presentPrompting,
  presentStability,
  presentTarget,
  presentTransfer,
  presentTuning,
} from './present-experiments.ts';
import { presentAnswer, presentComparison, presentExtraction, presentRerun } from './present-others.ts';
import { presentPictures } from './present-pictures.ts';
import { presentReadout } from './present-readout.ts';
import type { Done, Presentation } from './presenting.ts';
import type { RunFile } from './schemas.ts';

type Presenter<K extends RunKind> = (run: Done<K>, files: RunFile[]) => Presentation;

const PRESENTERS: { [K in RunKind]?: Presenter<K> } = {
  assess: presentAssessment,
  sweep: presentSweep,
  profiles: presentProfiles,
  methods_compare: presentMethods,
  prompting: presentPrompting,
  transfer: presentTransfer,
  capability: presentCapability,
  stability: presentStability,
  calibrate: presentCalibration,
  target: presentTarget,
  tune: presentTuning,
  pictures: presentPictures,
  chat: presentAnswer,
  compare: presentComparison,
  extract: presentExtraction,
  readout: presentReadout,
  rerun: presentRerun,
};

/** Tells a run that is done. */
export function present(run: Done, files: RunFile[]): Presentation {
  const presenter = PRESENTERS[run.kind] as Presenter<RunKind> | undefined;
  return presenter ? presenter(run, files) : general(run);
}
