/**
 * What a container asks of nginx-proxy by its environment, as labels of ours.
 * Names and meanings: nginx-proxy, docs/README.md.
 */
import type { Container, Problem } from '../model.ts';
import { PRIVATE_NETWORKS } from '../private-networks.ts';

/** No other variable of a container is ever kept: the rest may be secret. */
export const COMPAT_VARIABLES: readonly string[] = [
  'VIRTUAL_HOST',
  'VIRTUAL_PORT',
  'VIRTUAL_PATH',
  'VIRTUAL_DEST',
  'VIRTUAL_PROTO',
  'VIRTUAL_HOST_MULTIPORTS',
  'HTTPS_METHOD',
  'CERT_NAME',
  'NETWORK_ACCESS',
];

/** Of lines `NAME=value` those that are read, as a field of a container; nothing where there are none. */
export function compatEnvironment(lines: readonly string[]): Pick<Container, 'environment'> {
  const environment = Object.fromEntries(
    lines.flatMap((line) => {
      const at = line.indexOf('=');
      const name = line.slice(0, at);
      return at > 0 && COMPAT_VARIABLES.includes(name) ? [[name, line.slice(at + 1)]] : [];
    }),
  );
  return Object.keys(environment).length > 0 ? { environment } : {};
}

/** Its network_internal.conf, and the same for IPv6. */
const INTERNAL = PRIVATE_NETWORKS.join();

type Translation =
  { readonly option: string; readonly value: string } | { readonly reason: string } | undefined;

const RULES: Readonly<Record<string, (value: string) => Translation>> = {
  VIRTUAL_HOST: (value) =>
    value.includes('~')
      ? { reason: 'is a regular expression, which Portcullis has not; name the hosts, or use *.x' }
      : { option: 'host', value },
  VIRTUAL_PORT: (value) => ({ option: 'port', value }),
  VIRTUAL_PATH: (value) => ({ option: 'path', value }),
  VIRTUAL_DEST: (value) => {
    if (value === '/') return { option: 'strip-prefix', value: 'true' };
    return value === '' ? undefined : { reason: 'can be / only: a path is passed on or stripped' };
  },
  VIRTUAL_PROTO: (value) => ({ option: 'scheme', value }),
  VIRTUAL_HOST_MULTIPORTS: () => ({
    reason: 'is not read: say it with labels, portcullis.<route>.host and .port',
  }),
  HTTPS_METHOD: (value) => {
    if (value === 'nohttps') return { option: 'tls', value: 'off' };
    if (value === 'nohttp') return { option: 'tls', value: 'only' };
    if (value === 'redirect') return undefined;
    return { reason: 'can be redirect, nohttp or nohttps here; for the others see tls.redirect' };
  },
  CERT_NAME: (value) => ({ option: 'cert', value }),
  NETWORK_ACCESS: (value) => {
    if (value === 'external') return undefined;
    return value === 'internal'
      ? { option: 'allow', value: INTERNAL }
      : { reason: 'can be external or internal' };
  },
};

export type Translated = {
  /** The container with labels of ours in the place of its variables. */
  readonly container: Container;
  readonly problems: readonly Problem[];
  /** The variable that a label stands for, for messages. */
  readonly variableOf: ReadonlyMap<string, string>;
};

/** Undefined where it asks for nothing by its environment, or says with a label what it wants. */
export function fromNginxProxy(container: Container, prefix: string): Translated | undefined {
  const { environment = {}, labels } = container;
  const isLabelled = Object.keys(labels).some((label) => label.startsWith(`${prefix}.`));
  const asks = Object.hasOwn(environment, 'VIRTUAL_HOST') && environment['VIRTUAL_HOST'] !== '';
  if (isLabelled || (!asks && !Object.hasOwn(environment, 'VIRTUAL_HOST_MULTIPORTS'))) {
    return undefined;
  }
  const added: Record<string, string> = {};
  const variableOf = new Map<string, string>();
  const problems: Problem[] = [];
  for (const [variable, rule] of Object.entries(RULES)) {
    const value = Object.hasOwn(environment, variable) ? environment[variable] : undefined;
    if (value === undefined) continue;
    const translation = rule(value);
    if (translation === undefined) continue;
    if ('reason' in translation) {
      problems.push({ container: container.name, label: variable, value, ...translation });
      continue;
    }
    const label = `${prefix}.${translation.option}`;
    added[label] = translation.value;
    variableOf.set(label, variable);
  }
  const tcp = container.exposed.filter(({ protocol }) => protocol === 'tcp');
  if (!Object.hasOwn(added, `${prefix}.port`) && tcp.length > 1) added[`${prefix}.port`] = '80';
  return { container: { ...container, labels: { ...labels, ...added } }, problems, variableOf };
}
