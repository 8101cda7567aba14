import type { ManSetting } from './man-page.ts';
import { settingKeys } from './settings-keys.ts';
import type { Settings } from './settings-schema.ts';

type Leaf = string | number | boolean | readonly unknown[];
type NamesIn<T> = {
  [K in keyof T & string]: T[K] extends Leaf ? K : `${K}.${NamesIn<T[K]>}`;
}[keyof T & string];

/** `domain`, `nginx.dir` and all the others. */
type SettingName = NamesIn<Settings>;

/** What each setting means, for people. A key without a meaning does not compile. */
const SETTING_MEANINGS: Readonly<Record<SettingName, string>> = {
  domain: 'the domain of the names that host_pattern makes',
  host_pattern:
    'the name of a route without the label host; {port} is the published port, and there are {domain} {name} {project} {service} {container_port}',
  label_prefix: 'what labels begin with, before their first dot',
  discovery:
    'which containers take part: those with a label of ours, or all that publish a TCP port',
  compat:
    'a list; with nginx-proxy in it, containers without labels of ours are read by VIRTUAL_HOST and its friends',
  'nginx.dir': 'the folder that holds everything written for Nginx',
  'nginx.config': 'the main configuration file of Nginx',
  'nginx.control': 'how Nginx is tested and reloaded: auto, local, systemd or container:<name>',
  'nginx.binary': 'the program, as a name on PATH or as a path',
  'nginx.listen_http': 'the TCP port for HTTP',
  'nginx.listen_https': 'the TCP port for HTTPS; with nginx.http3 the UDP port as well',
  'nginx.ipv6': 'listen on IPv6, too',
  'nginx.trusted_proxies':
    'CIDRs whose X-Forwarded-For, -Proto and -Port, or whose PROXY header, are believed',
  'nginx.proxy_protocol': 'speak the PROXY protocol on our ports; needs nginx.trusted_proxies',
  'nginx.http3': 'serve HTTP/3 where Nginx is built with it; each reload breaks QUIC connections',
  'nginx.access_log': 'a file for the requests to our sites; empty: what nginx.conf says',
  'nginx.log_format': 'how nginx.access_log is written',
  'nginx.test_timeout': 'the longest that one nginx -t may take',
  'nginx.drift':
    'what becomes of files in nginx.dir that somebody changed by hand: restore them, or keep them as long as their site does not change',
  'tls.cert_dir': 'the folder of the certificates and their keys',
  'tls.acme_dir': 'the webroot of an ACME client; empty: none',
  'tls.redirect': 'send clients from HTTP to HTTPS where a site has a certificate',
  'tls.ca_dir': 'the folder of the authorities that the label upstream-ca names',
  'tls.upstream_ca': "a file of authorities for TLS upstreams; empty: the system's",
  'tls.hsts': 'the value of Strict-Transport-Security, as max-age=31536000; empty: none',
  auth_dir: 'the folder of the htpasswd files that the label auth-basic names',
  template_dir: 'a folder of templates of your own; empty: none',
  snippet_dir: 'the folder of your own Nginx directives for a site, <host>.conf',
  'firewall.mode':
    'enforce: containers are closed and kept so; audit: what would be closed is told; off: the firewall is left alone',
  'firewall.backend': 'what the rules are written with; auto: what this host has',
  'firewall.trusted_interfaces': 'interfaces that are not outside, as wg0',
  'firewall.trusted_sources': 'CIDRs that may reach containers directly',
  'firewall.state_dir': 'the folder of what must outlast a boot, as the rules loaded before Docker',
  'watch.debounce': 'how long a burst of events is waited for',
  'watch.max_wait': 'the longest that such a wait may take',
  'watch.min_reload_interval': 'the least time between two reloads of Nginx',
  'watch.linger': 'how long a container that stopped keeps its routes',
  'watch.resync': 'how often Docker, Nginx and the live files are looked at without an event',
  'watch.drain':
    'a replica that is told to stop leaves its upstream first; costs two reloads a restart',
  'status.listen': 'where a running watch tells its status and metrics; empty: nowhere',
  'status.host': 'the host name by which Nginx serves that to private networks; empty: none',
  'swarm.port':
    'the TCP port by which managers of a Swarm tell workers the services, the same on every node; 0: none',
  'swarm.certificates':
    "the folder of this node's Swarm certificates; empty: in Docker's own folder",
};

const meanings: Readonly<Record<string, string>> = SETTING_MEANINGS;

/** In the order of the schema. */
export const settingsWithMeaning = (): readonly ManSetting[] =>
  settingKeys().map((setting) => ({ ...setting, meaning: meanings[setting.key] ?? '' }));
