/** The host's interfaces, routes and switches, as the kernel has them now. */
import {
  hasPolicyRouting,
  interfacesFrom,
  routesFrom,
  type HostFacts,
} from '../core/rules/host-facts.ts';
import { PortcullisError } from '../errors.ts';
import { runIfThere } from './iptables-commands.ts';
import type { Run } from './run.ts';

/** @throws {PortcullisError} `firewall-unavailable` where iproute2 is missing */
export async function readHost(run: Run): Promise<HostFacts> {
  const ip = async (...args: readonly string[]): Promise<string> => {
    const result = await runIfThere(run, 'ip', ['-j', ...args]);
    if (result === undefined) {
      throw new PortcullisError(
        'firewall-unavailable',
        'ip is not installed: install the package iproute2',
      );
    }
    // A kernel without IPv6 answers with an error.
    return result.code === 0 ? result.stdout : '';
  };
  const switches = async (): Promise<string> => {
    const names = ['net.ipv4.conf.*.forwarding', 'net.ipv4.conf.*.route_localnet'];
    const paths = names.map((name) => `/proc/sys/${name.replaceAll('.', '/')}`);
    const shown = await runIfThere(run, 'sh', [
      '-c',
      `grep -H . ${paths.join(' ')} /proc/sys/net/ipv6/conf/all/forwarding`,
    ]);
    return shown?.stdout ?? '';
  };
  const [links, v4, v6, rules4, rules6, sysctls] = await Promise.all([
    ip('-d', 'addr', 'show'),
    ip('route', 'show'),
    ip('-6', 'route', 'show'),
    ip('rule', 'show'),
    ip('-6', 'rule', 'show'),
    switches(),
  ]);
  const on = (pattern: RegExp): ReadonlySet<string> =>
    new Set([...sysctls.matchAll(pattern)].map(([, name]) => name ?? ''));
  const localnet = on(/ipv4\/conf\/([^/\n]+)\/route_localnet:1$/gm);
  const interfaces = interfacesFrom(links);
  return {
    interfaces,
    routes: [...routesFrom(v4, 'v4'), ...routesFrom(v6, 'v6')],
    forwarding: {
      v4: on(/ipv4\/conf\/([^/\n]+)\/forwarding:1$/gm),
      v6: /ipv6\/conf\/all\/forwarding:1$/m.test(sysctls),
    },
    // The kernel takes the switch of the interface or the one for all.
    localnet: localnet.has('all') ? new Set(interfaces.map(({ name }) => name)) : localnet,
    policyRouting: hasPolicyRouting(rules4) || hasPolicyRouting(rules6),
  };
}
