/** Two more Docker hosts beside the lab's, on one wire with it and with the attacker. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeLab, makeNamespace, must, OUTSIDE_V4, OUTSIDE_V6, type Lab } from './lab.ts';
import { namespacesOf } from './sweep.ts';

export const SECOND_V4 = '198.51.100.2';
export const THIRD_V4 = '198.51.100.3';

/** A host with an engine and an Nginx of its own; its `close` is the lab's. */
export type Node = Lab & {
  /** Cuts its cable, or joins it. */
  plug(joined: boolean): Promise<void>;
};

export async function addNodes(lab: Lab): Promise<{ second: Node; third: Node }> {
  const { outside } = lab;
  await outside.ok(['ip', 'addr', 'flush', 'dev', 'eth0']);
  await outside.ok(['ip', 'link', 'add', 'wire', 'type', 'bridge']);
  await outside.ok(['ip', 'link', 'set', 'eth0', 'master', 'wire', 'up']);
  await outside.ok(['ip', 'addr', 'add', `${OUTSIDE_V4}/24`, 'dev', 'wire']);
  await outside.ok(['ip', '-6', 'addr', 'add', `${OUTSIDE_V6}/64`, 'dev', 'wire', 'nodad']);
  await outside.ok(['ip', 'link', 'set', 'wire', 'up']);
  const [second, third] = await Promise.all([
    addNode(lab, 'second', SECOND_V4),
    addNode(lab, 'third', THIRD_V4),
  ]);
  return { second, third };
}

async function addNode(lab: Lab, name: 'second' | 'third', address: string): Promise<Node> {
  const { outside, cleanup } = lab;
  const host = await makeNamespace(namespacesOf(lab.folder)[name]);
  await must([
    ...['ip', 'link', 'add', 'eth0', 'netns', host.name],
    ...['type', 'veth', 'peer', 'name', name, 'netns', outside.name],
  ]);
  await host.ok(['ip', 'addr', 'add', `${address}/24`, 'dev', 'eth0']);
  await host.ok(['ip', 'link', 'set', 'eth0', 'up']);
  const plug = async (joined: boolean): Promise<void> => {
    await outside.ok(['ip', 'link', 'set', name, joined ? 'up' : 'down']);
  };
  await outside.ok(['ip', 'link', 'set', name, 'master', 'wire']);
  await plug(true);
  const folder = join(lab.folder, name);
  mkdirSync(folder);
  return { ...makeLab({ folder, host, outside, cleanup }), plug };
}
