import { readFile } from 'node:fs/promises';
import type { NmapHost, NmapPort } from '../core/exposure/nmap.ts';
import type { IpProtocol } from '../core/model.ts';
import { PortcullisError } from '../errors.ts';
import sax from 'sax';
import { whyUnreadable } from './why-unreadable.ts';

/**
 * The hosts of what `nmap -oX` wrote (nmap.dtd). Entities of its own are not expanded.
 *
 * @throws {PortcullisError} `nmap-file`: missing, no XML, or no nmap's
 */
export async function readNmap(path: string): Promise<readonly NmapHost[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new PortcullisError('nmap-file', `--compare-nmap ${path}: ${whyUnreadable(error)}`);
  });
  const hosts: NmapHost[] = [];
  let current: { address: string; ports: NmapPort[] } | undefined;
  let port: { protocol: IpProtocol; number: number } | undefined;
  let root: string | undefined;
  const scanned: { protocol: IpProtocol; services: string }[] = [];
  const parser = sax.parser(true);
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a parser of sax has no other way
  parser.onerror = (error) => {
    throw refused(path, error.message.replaceAll('\n', ', '));
  };
  parser.onopentag = ({ name, attributes }) => {
    root ??= name;
    const value = (key: string): string => {
      const given = attributes[key];
      return typeof given === 'string' ? given : '';
    };
    const protocol = protocolOf(value('protocol'));
    if (name === 'scaninfo' && protocol) scanned.push({ protocol, services: value('services') });
    if (name === 'host') current = { address: '', ports: [] };
    if (name === 'address' && current && value('addrtype') !== 'mac') {
      current.address = value('addr');
    }
    if (name === 'port') port = protocol && { protocol, number: Number(value('portid')) };
    if (name === 'state' && port) {
      current?.ports.push({ protocol: port.protocol, port: port.number, state: value('state') });
    }
  };
  parser.onclosetag = (name) => {
    if (name === 'port') port = undefined;
    if (name !== 'host' || current === undefined) return;
    hosts.push({ ...current, scanned });
    current = undefined;
  };
  parser.write(text).close();
  if (root !== 'nmaprun') throw refused(path, `its root is <${root ?? ''}>, not <nmaprun>`);
  if (hosts.length === 0) throw refused(path, 'it names no host: did the scan find any?');
  return hosts;
}

const protocolOf = (text: string): IpProtocol | undefined =>
  text === 'tcp' || text === 'udp' || text === 'sctp' ? text : undefined;

const refused = (path: string, why: string): PortcullisError =>
  new PortcullisError('nmap-file', `${path} is not what "nmap -oX" writes: ${why}`);
