import type { Member, Network } from '../model.ts';
import { ipAddress, isUnset } from './ports.ts';
import {
  listField,
  objectAt,
  objectField,
  optionalFlag,
  optionalText,
  textField,
  textMapField,
  type JsonObject,
} from './reader.ts';

const BRIDGE_NAME = 'com.docker.network.bridge.name';

/**
 * One entry of `GET /networks`.
 *
 * @throws {ShapeError} naming the network and the field
 */
export function networkFromApi(entry: unknown, index: number): Network {
  const from = objectAt(entry, `network ${index} of the list`);
  const name = textField(from, 'Name', `network ${index} of the list`);
  const place = `network ${name}`;
  const id = textField(from, 'Id', place);
  const driver = optionalText(from, 'Driver', place);
  const options = textMapField(from, 'Options', place);
  const configOnly = optionalFlag(from, 'ConfigOnly', place); // a template, with no bridge of its own
  return {
    id,
    name,
    driver,
    ...(driver === 'bridge' && !configOnly && { bridge: bridgeName({ id, name, options }) }),
    subnets: subnets(objectField(from, 'IPAM', place), place),
    internal: optionalFlag(from, 'Internal', place),
    ingress: optionalFlag(from, 'Ingress', place),
    ...members(from, place),
    options,
  };
}

/** Only an inspect tells them; a list does not say who is on a network. */
function members(from: JsonObject, place: string): Pick<Network, 'members'> {
  const found = Object.entries(objectField(from, 'Containers', place)).map(
    ([id, value]): Member => {
      const member = objectAt(value, place);
      const [ipv4, ipv6] = ['IPv4Address', 'IPv6Address'].map((key) => {
        const [address = ''] = optionalText(member, key, place).split('/');
        return isUnset(address) ? undefined : ipAddress(address, place);
      });
      return {
        id,
        ...(ipv4 !== undefined && { ipv4 }),
        ...(ipv6 !== undefined && { ipv6 }),
      };
    },
  );
  return found.length > 0 ? { members: found } : {};
}

/** As Docker names the Linux bridge of a network. */
function bridgeName({ id, name, options }: Pick<Network, 'id' | 'name' | 'options'>): string {
  const named = Object.hasOwn(options, BRIDGE_NAME) ? options[BRIDGE_NAME] : undefined;
  if (named !== undefined && named !== '') return named;
  return name === 'bridge' ? 'docker0' : `br-${id.slice(0, 12)}`;
}

function subnets(ipam: Readonly<Record<string, unknown>>, place: string): readonly string[] {
  return listField(ipam, 'Config', `${place}: IPAM`).flatMap((value) => {
    const config = objectAt(value, `${place}: IPAM.Config`);
    const subnet = optionalText(config, 'Subnet', `${place}: IPAM.Config`);
    return subnet === '' ? [] : [subnet];
  });
}
