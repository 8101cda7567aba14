import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SwarmService } from '../core/docker/from-service.ts';
import { isObject, ShapeError } from '../core/docker/reader.ts';
import { servicesFromJson } from '../core/swarm/service-list.ts';
import { makeFolder, writeAtomically } from './atomic-file.ts';

/** The last good list: what holds while no manager answers, also after a restart. */
export type KeptServices = {
  readonly services: readonly SwarmService[];
  /** When a manager last confirmed it, ISO 8601. */
  readonly asOf: string;
};

const fileIn = (stateDir: string): string => join(stateDir, 'swarm-services.json');

/** Undefined where there is none, or it is another node's: a node that joins another Swarm has another id. */
export async function readKept(
  stateDir: string,
  nodeId: string,
): Promise<KeptServices | undefined> {
  try {
    const json: unknown = JSON.parse(await readFile(fileIn(stateDir), 'utf8'));
    if (!isObject(json) || json['nodeId'] !== nodeId) return undefined;
    const { asOf } = json;
    return {
      services: servicesFromJson(json['services']),
      asOf: typeof asOf === 'string' ? asOf : '',
    };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof ShapeError) return undefined;
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}

/** @throws {PortcullisError} `files-unwritable` */
export async function keep(
  stateDir: string,
  nodeId: string,
  { services, asOf }: KeptServices,
): Promise<void> {
  await makeFolder(stateDir);
  await writeAtomically(fileIn(stateDir), `${JSON.stringify({ nodeId, asOf, services })}\n`);
}

export const forget = (stateDir: string): Promise<void> => rm(fileIn(stateDir), { force: true });
