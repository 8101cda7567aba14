/** The configuration: its keys, their grammar and defaults. One place for the file, the environment and the defaults. */
import * as z from 'zod';
import { isInterfaceName } from './firewall/shapes.ts';
import { cidr } from './labels/cidr.ts';
import { host } from './labels/host.ts';
import type { Parser } from './labels/parser.ts';

function unitMs(text: string): number {
  if (text.endsWith('ms')) return 1;
  if (text.endsWith('s')) return 1_000;
  return text.endsWith('m') ? 60_000 : 3_600_000;
}

/** A timer of Node.js takes 31 bits of milliseconds; one of more ends at once. */
const LONGEST_MS = 24 * 24 * 3_600_000;

/** `10ms`, `2s`, `5m`, `1h` -> milliseconds. */
const duration = z
  .string({ error: 'must be a time, as 500ms, 30s or 5m' })
  .regex(/^\d{1,7}(?:ms|s|m|h)$/, 'must be a time, as 500ms, 30s or 5m')
  .transform((text) => Number.parseInt(text, 10) * unitMs(text))
  .refine((ms) => ms <= LONGEST_MS, 'must be at most 24 days');
const timeAboveZero = duration.refine((ms) => ms > 0, 'must be more than 0');

const parsedBy = <T>(parse: Parser<T>) =>
  z.string().transform((text, context): T => {
    const parsed = parse(text);
    if (parsed.ok) return parsed.value;
    context.addIssue({ code: 'custom', message: parsed.reason });
    return z.NEVER;
  });

const absolutePath = z
  .string()
  .regex(
    /^\/[A-Za-z0-9._/+@:-]*$/,
    'must be an absolute path without spaces, quotes, "$", ";" or "*"',
  )
  .max(1_000)
  .transform((path) => (path.length > 1 ? path.replace(/\/+$/, '') : path));
const optionalPath = z.union([z.literal(''), absolutePath], {
  error: 'must be an absolute path, or empty',
});
const port = z
  .int('must be a port number')
  .min(1, 'must be from 1 to 65535')
  .max(65_535, 'must be from 1 to 65535');
const interfaceName = z
  .string()
  .refine(isInterfaceName, 'must be the name of a network interface, as wg0');
const HOST_PATTERN_KEYS = ['port', 'domain', 'name', 'project', 'service', 'container_port'];

const hostPattern = z.string().superRefine((pattern, context) => {
  for (const [, key = ''] of pattern.matchAll(/\{([^{}]*)\}/g)) {
    if (HOST_PATTERN_KEYS.includes(key)) continue;
    const known = HOST_PATTERN_KEYS.map((name) => `{${name}}`).join(' ');
    context.addIssue({ code: 'custom', message: `has the unknown {${key}}; known are ${known}` });
  }
  const sample = pattern.replaceAll(/\{[^{}]*\}/g, 'x');
  const parsed = host(sample);
  if (!parsed.ok) context.addIssue({ code: 'custom', message: parsed.reason });
});

const control = z
  .string()
  .regex(
    /^(?:auto|local|systemd|container:[A-Za-z0-9][A-Za-z0-9_.-]*)$/,
    'must be auto, local, systemd or container:<name>',
  );
const LISTEN = 'must be an IP address and a port, as 127.0.0.1:9180, or empty';
const listen = z
  .string({ error: LISTEN })
  .regex(/^(?:|(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:]+\]):\d{1,5})$/, LISTEN)
  .refine((text) => Number(/:(\d+)$/.exec(text)?.[1] ?? 1) <= 65_535, LISTEN);

export const settingsSchema = z.strictObject({
  domain: parsedBy(host)
    .refine((name) => !/[*[]/.test(name), 'must be a domain name, as example.com')
    .default('example.com'),
  host_pattern: hostPattern.default('service-{port}.{domain}'),
  label_prefix: z
    .string()
    .regex(/^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/, 'must be a label prefix, as portcullis')
    .default('portcullis'),
  discovery: z.enum(['labelled', 'all']).default('labelled'),
  nginx: z
    .strictObject({
      dir: absolutePath
        .refine(
          (path) => path.split('/').length > 2,
          'must be a folder of its own, as /etc/nginx/portcullis',
        )
        .default('/etc/nginx/portcullis'),
      config: absolutePath.default('/etc/nginx/nginx.conf'),
      control: control.default('auto'),
      /** Beyond the contract: where the program lies when it is not on PATH. */
      binary: z
        .string()
        .regex(/^[A-Za-z0-9._/+-]+$/, 'must be a program name or path')
        .default('nginx'),
      listen_http: port.default(80),
      listen_https: port.default(443),
      ipv6: z.boolean().default(true),
      /** Beyond the contract, as all below: whose X-Forwarded-For or PROXY header is believed. */
      trusted_proxies: z.array(parsedBy(cidr)).default([]),
      proxy_protocol: z.boolean().default(false),
      http3: z.boolean().default(false),
      /** '' for what the user's own configuration says. */
      access_log: optionalPath.default(''),
      log_format: z.enum(['text', 'json']).default('text'),
      /** For one run of `nginx -t`. */
      test_timeout: timeAboveZero.prefault('30s'),
      /** What `watch` and `generate` do with files below `dir` that somebody changed by hand. */
      drift: z.enum(['restore', 'keep']).default('restore'),
    })
    .refine(({ dir, config }) => dir !== config.slice(0, config.lastIndexOf('/')), {
      path: ['dir'],
      error: 'must be a folder of its own, not that of nginx.config',
    })
    .refine(
      ({ proxy_protocol, trusted_proxies }) => !proxy_protocol || trusted_proxies.length > 0,
      { path: ['proxy_protocol'], error: 'needs nginx.trusted_proxies: who may say an address' },
    )
    .prefault({}),
  tls: z
    .strictObject({
      cert_dir: absolutePath.default('/etc/portcullis/certs'),
      /** Beyond the contract: the webroot of an ACME client; '' for none. */
      acme_dir: optionalPath.default('/var/lib/portcullis/acme'),
      redirect: z.boolean().default(true),
      /** Beyond the contract: authorities for the label upstream-ca, `<name>.crt` or `<name>.pem`. */
      ca_dir: absolutePath.default('/etc/portcullis/ca'),
      /** Beyond the contract: authorities for TLS upstreams; '' for the system's. */
      upstream_ca: optionalPath.default(''),
      hsts: z
        .string()
        .regex(/^[A-Za-z0-9=; -]{0,200}$/, 'must be an HSTS value, as max-age=31536000')
        .default(''),
    })
    .prefault({}),
  auth_dir: absolutePath.default('/etc/portcullis/htpasswd'),
  template_dir: optionalPath.default(''),
  /** Beyond the contract: Nginx directives of the administrator for one site. */
  snippet_dir: absolutePath.default('/etc/portcullis/snippets'),
  firewall: z
    .strictObject({
      mode: z.enum(['enforce', 'audit', 'off']).default('enforce'),
      backend: z.enum(['auto', 'nftables', 'iptables', 'docker-user']).default('auto'),
      trusted_interfaces: z.array(interfaceName).default([]),
      trusted_sources: z
        .array(
          parsedBy(cidr).refine(
            (network) => !network.endsWith('/0'),
            'would trust everybody: to have no firewall, set firewall.mode to off',
          ),
        )
        .default([]),
      /** Beyond the contract: where the rules that boot loads are kept. */
      state_dir: absolutePath.default('/var/lib/portcullis'),
    })
    .prefault({}),
  watch: z
    .strictObject({
      debounce: duration.prefault('10ms'),
      max_wait: duration.prefault('500ms'),
      min_reload_interval: duration.prefault('250ms'),
      linger: duration.prefault('10s'),
      resync: timeAboveZero.prefault('30s'),
      /** Beyond the contract: a replica that is told to stop leaves first. It costs two reloads a restart. */
      drain: z.boolean().default(false),
    })
    .prefault({}),
  status: z
    .strictObject({
      listen: listen.default('127.0.0.1:9180'),
      host: z
        .union([z.literal(''), parsedBy(host)], {
          error: 'must be a host name, as status.example.com, or empty',
        })
        .refine((name) => !/[*[]/.test(name), 'must be one host name, as status.example.com')
        .default(''),
    })
    .prefault({}),
  /** Beyond the contract: how the managers of a Swarm tell its workers which services there are. */
  swarm: z
    .strictObject({
      /** TCP port of the managers, the same on every node; 0 for none. */
      port: z
        .int('must be a port number, or 0')
        .min(0, 'must be from 0 to 65535')
        .max(65_535, 'must be from 0 to 65535')
        .default(0),
      /** '' for `swarm/certificates` in Docker's own folder. */
      certificates: optionalPath.default(''),
    })
    .prefault({}),
  compat: z.array(z.enum(['nginx-proxy'])).default([]),
});

/** Times in milliseconds; paths absolute, without a slash at the end. */
export type Settings = z.output<typeof settingsSchema>;
