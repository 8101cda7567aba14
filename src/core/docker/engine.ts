import {
  listField,
  objectAt,
  objectField,
  optionalFlag,
  optionalText,
  textField,
  type JsonObject,
} from './reader.ts';

export type EngineVersion = { readonly version: string; readonly api: string };

export type SwarmNode = {
  readonly nodeId: string;
  /** It can answer for the whole Swarm. */
  readonly manager: boolean;
  /** Addresses of the managers, without their ports. */
  readonly managers: readonly string[];
  /** Docker's own folder, as `/var/lib/docker`. */
  readonly dataRoot: string;
};

/** What matters to this tool of `GET /info`. */
export type EngineInfo = {
  readonly version: string;
  readonly operatingSystem: string;
  /** `iptables`, `nftables`, with `+firewalld` where that runs; undefined before API 1.49. */
  readonly firewallBackend?: string;
  readonly swarm: boolean;
  /** This node's place in a Swarm; undefined where it is in none. */
  readonly swarmNode?: SwarmNode;
  readonly rootless: boolean;
  readonly liveRestore: boolean;
  /** `systemd` or `cgroupfs` */
  readonly cgroupDriver: string;
  /** `1` or `2` */
  readonly cgroupVersion: string;
  /** The engine's clock, in milliseconds since 1970; undefined where it does not tell. */
  readonly timeMs?: number;
  readonly warnings: readonly string[];
};

/** @throws {ShapeError} naming the field */
export function engineFromVersion(answer: unknown): EngineVersion {
  const from = objectAt(answer, 'the version');
  return {
    version: textField(from, 'Version', 'the version'),
    api: textField(from, 'ApiVersion', 'the version'),
  };
}

/** @throws {ShapeError} naming the field */
export function engineFromInfo(answer: unknown): EngineInfo {
  const place = 'the engine';
  const from = objectAt(answer, place);
  const backend = optionalText(objectField(from, 'FirewallBackend', place), 'Driver', place);
  const timeMs = Date.parse(optionalText(from, 'SystemTime', place));
  const swarm = optionalText(objectField(from, 'Swarm', place), 'LocalNodeState', place);
  const inSwarm = swarm !== '' && swarm !== 'inactive';
  return {
    version: textField(from, 'ServerVersion', place),
    operatingSystem: optionalText(from, 'OperatingSystem', place),
    ...(backend !== '' && { firewallBackend: backend }),
    swarm: inSwarm,
    ...(inSwarm && { swarmNode: swarmNode(from) }),
    rootless: listField(from, 'SecurityOptions', place).includes('name=rootless'),
    liveRestore: optionalFlag(from, 'LiveRestoreEnabled', place),
    cgroupDriver: optionalText(from, 'CgroupDriver', place),
    cgroupVersion: optionalText(from, 'CgroupVersion', place),
    ...(Number.isFinite(timeMs) && { timeMs }),
    warnings: listField(from, 'Warnings', place).map(String),
  };
}

function swarmNode(engine: JsonObject): SwarmNode {
  const place = "the engine's Swarm";
  const from = objectField(engine, 'Swarm', place);
  const managers = listField(from, 'RemoteManagers', place).map((each) => {
    const address = optionalText(objectAt(each, place), 'Addr', place);
    return address.replace(/:\d+$/, '').replaceAll(/[[\]]/g, '');
  });
  return {
    nodeId: optionalText(from, 'NodeID', place),
    manager: optionalFlag(from, 'ControlAvailable', place),
    managers: managers.filter((address) => address !== ''),
    dataRoot: optionalText(engine, 'DockerRootDir', place),
  };
}
