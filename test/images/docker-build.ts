/** Builds the images of the Dockerfile, as it is, in the lab; and stands in for those of others. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../../src/adapters/package-root.ts';
import { run } from '../../src/adapters/run.ts';
import type { Engine } from '../lab/engine.ts';
import type { Lab } from '../lab/lab.ts';
import { findProgram } from '../lab/requirements.ts';
import { openOutlet } from './outlet.ts';
import { baseImages, LABEL } from './stand-ins.ts';

export const SIDECAR = 'portcullis';
export const ALL_IN_ONE = 'portcullis:all-in-one';

/** Layout of the official image: what its nginx.conf reads, and logs that are the container's. */
const OFFICIAL_NGINX = `FROM ${ALL_IN_ONE}
LABEL ${LABEL}
COPY nginx.conf default.conf /etc/nginx/
RUN useradd --system --no-create-home nginx && mkdir -p /etc/nginx/conf.d \\
 && mv /etc/nginx/default.conf /etc/nginx/conf.d/ && ln -sf /dev/stdout /var/log/nginx/access.log \\
 && ln -sf /dev/stderr /var/log/nginx/error.log && rm -rf /opt/portcullis /usr/local/bin/*
HEALTHCHECK NONE
ENTRYPOINT []
CMD ["nginx", "-g", "daemon off;"]
`;
const OFFICIAL_NGINX_CONF = `user nginx;
worker_processes auto;
error_log /var/log/nginx/error.log notice;
pid /run/nginx.pid;
events { worker_connections 1024; }
http {
    include /etc/nginx/mime.types;
    access_log /var/log/nginx/access.log;
    include /etc/nginx/conf.d/*.conf;
}
`;
const OFFICIAL_DEFAULT_CONF = 'server { listen 80; server_name localhost; root /var/www/html; }\n';

const SOCKET_PROXY = `FROM ${SIDECAR}
LABEL ${LABEL}
COPY socket-proxy.mjs /
HEALTHCHECK NONE
ENTRYPOINT ["node", "/socket-proxy.mjs"]
CMD []
`;

export type Builder = {
  /** Builds a target of the Dockerfile in this repository. */
  target(target: string, tag: string): Promise<void>;
  /** Stand-ins for the other images that the Compose files name; after both targets. */
  others(): Promise<void>;
};

export async function openBuilder(lab: Lab, engine: Engine): Promise<Builder> {
  const { debian, node } = await baseImages();
  await engine.docker('import', '--change', `LABEL ${LABEL}`, debian, 'debian:trixie-slim');
  await engine.docker('import', '--change', `LABEL ${LABEL}`, node, 'node:24-trixie-slim');
  const httpProxy = await openOutlet(lab);

  const build = async (...args: readonly string[]): Promise<void> => {
    const { code, stdout, stderr } = await run(
      'env',
      [
        ...['DOCKER_BUILDKIT=0', findProgram('docker') ?? 'docker', '-H', engine.url, 'build'],
        // The engine's namespace, where the outlet listens.
        ...['--network', 'host', '--build-arg', `http_proxy=${httpProxy}`, ...args],
      ],
      { timeoutMs: 300_000 },
    );
    if (code !== 0) throw new Error(`docker build ${args.join(' ')}:\n${stdout}${stderr}`);
  };

  const standIn = async (tag: string, files: Readonly<Record<string, string>>): Promise<void> => {
    const context = join(lab.folder, 'context', tag);
    await mkdir(context, { recursive: true });
    for (const [name, text] of Object.entries(files)) await writeFile(join(context, name), text);
    if (tag.includes('socket-proxy')) {
      const program = fileURLToPath(new URL('socket-proxy.js', import.meta.url));
      await copyFile(program, join(context, 'socket-proxy.mjs'));
    }
    await build('--tag', tag, context);
  };

  return {
    target: (target, tag) => build('--target', target, '--tag', tag, packageRoot()),
    async others() {
      await standIn('nginx:1.28', {
        Dockerfile: OFFICIAL_NGINX,
        'nginx.conf': OFFICIAL_NGINX_CONF,
        'default.conf': OFFICIAL_DEFAULT_CONF,
      });
      await standIn('wollomatic/socket-proxy:1.12.2', { Dockerfile: SOCKET_PROXY });
      await standIn('traefik/whoami:v1.11', {
        Dockerfile: `FROM lab/web:1\nLABEL ${LABEL}\nSTOPSIGNAL SIGKILL\nCMD ["/bin/httpd", "-f", "-p", "80", "-h", "/www"]\n`,
      });
    },
  };
}
