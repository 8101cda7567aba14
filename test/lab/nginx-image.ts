import assert from 'node:assert/strict';
import { copyFile, cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../../src/adapters/run.ts';
import type { Engine } from './engine.ts';
import type { Lab } from './lab.ts';
import { findProgram } from './requirements.ts';

export const NGINX_IMAGE = 'lab/nginx:1';

/** The lab's image, with this machine's Nginx and the libraries it needs; it reads `dir`. */
export async function importNginx(lab: Lab, engine: Engine, dir: string): Promise<void> {
  const root = join(lab.folder, 'docker', 'nginx-root');
  await cp(join(lab.folder, 'docker', 'rootfs'), root, { recursive: true, verbatimSymlinks: true });
  const program = findProgram('nginx') ?? '/usr/sbin/nginx';
  const { stdout } = await run('ldd', [program]);
  const libraries = [...stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path = '']) => path);
  for (const path of libraries) {
    await mkdir(join(root, dirname(path)), { recursive: true });
    await copyFile(path, join(root, path));
  }
  await copyFile(program, join(root, 'bin/nginx'));
  const folders = ['run', 'var/log/nginx', 'var/lib/nginx', 'usr/share/nginx', 'etc/nginx/conf.d'];
  for (const folder of folders) await mkdir(join(root, folder), { recursive: true });
  await writeFile(join(root, 'etc/group'), 'root:x:0:\n');
  await writeFile(
    join(root, 'etc/nginx/nginx.conf'),
    `user root root;
pid /run/nginx.pid;
events { worker_connections 64; }
http {
    access_log off;
    include conf.d/*.conf;
    include ${dir}/*.conf;
}
`,
  );
  await writeFile(
    join(root, 'etc/nginx/conf.d/own.conf'),
    'server {\n    listen 80;\n    server_name own.example;\n}\n',
  );
  await symlink('conf.d', join(root, 'etc/nginx/sites'));
  const tarball = join(lab.folder, 'nginx-root.tar');
  const { code, stderr } = await run('tar', ['-C', root, '-cf', tarball, '.']);
  assert.equal(code, 0, stderr);
  await engine.docker('import', tarball, NGINX_IMAGE);
}
