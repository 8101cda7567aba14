import {
  listField,
  objectAt,
  objectField,
  optionalFlag,
  optionalText,
  textField,
} from './reader.ts';

export type EngineVersion = { readonly version: string; readonly api: string };

/** What matters to this tool of `GET /info`. */
export type EngineInfo = {
  readonly version: string;
  readonly operatingSystem: string;
  /** `iptables`, `nftables`, with `+firewalld` where that runs; undefined before API 1.49. */
  readonly firewallBackend?: string;
  readonly swarm: boolean;
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
  return {
    version: textField(from, 'ServerVersion', place),
    operatingSystem: optionalText(from, 'OperatingSystem', place),
    ...(backend !== '' && { firewallBackend: backend }),
    swarm: swarm !== '' && swarm !== 'inactive',
    rootless: listField(from, 'SecurityOptions', place).includes('name=rootless'),
    liveRestore: optionalFlag(from, 'LiveRestoreEnabled', place),
    cgroupDriver: optionalText(from, 'CgroupDriver', place),
    cgroupVersion: optionalText(from, 'CgroupVersion', place),
    ...(Number.isFinite(timeMs) && { timeMs }),
    warnings: listField(from, 'Warnings', place).map(String),
  };
}
