/** What there is to call, for scripts: every procedure of the contract with JSON Schemas of what it takes and gives. */
import { getEventIteratorSchemaDetails, isContractProcedure } from '@orpc/contract';
import { z } from 'zod';
import { contract } from '../studio/contract.ts';

export interface Described {
  /** Namespace and name, as in `/rpc/runs/get`. */
  procedure: string;
  /** JSON Schema (draft 2020-12) of the input; absent where it takes none. */
  input?: object;
  /** Of the answer, or of each event of a stream. */
  output?: object;
  /** The answer is a stream of events. */
  stream?: true;
}

const schemaOf = (schema: unknown, io: 'input' | 'output'): object | undefined =>
  schema instanceof z.core.$ZodType ? z.toJSONSchema(schema, { io, unrepresentable: 'any' }) : undefined;

export function describeContract(): Described[] {
  return Object.entries(contract).flatMap(([space, procedures]) =>
    Object.entries(procedures).flatMap(([name, procedure]) => {
      if (!isContractProcedure(procedure)) return [];
      const { inputSchema, outputSchema } = procedure['~orpc'];
      const events = getEventIteratorSchemaDetails(outputSchema);
      return [
        {
          procedure: `${space}/${name}`,
          input: schemaOf(inputSchema, 'input'),
          output: schemaOf(events ? events.yields : outputSchema, 'output'),
          ...(events && { stream: true as const }),
        },
      ];
    }),
  );
}
