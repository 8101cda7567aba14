import type { Network } from '../model.ts';
import {
  listField,
  objectAt,
  optionalFlag,
  optionalText,
  textField,
  textMapField,
} from './reader.ts';

/**
 * One entry of Podman's own `GET /libpod/networks/json`, of netavark and of CNI.
 *
 * @throws {ShapeError} naming the network and the field
 */
export function networkFromPodman(entry: unknown, index: number): Network {
  const from = objectAt(entry, `network ${index} of the list`);
  const name = textField(from, 'name', `network ${index} of the list`);
  const place = `network ${name}`;
  const driver = optionalText(from, 'driver', place);
  return {
    id: textField(from, 'id', place),
    name,
    driver,
    ...(driver === 'bridge' && { bridge: textField(from, 'network_interface', place) }),
    subnets: listField(from, 'subnets', place).map((each) =>
      textField(objectAt(each, `${place}: subnets`), 'subnet', `${place}: subnets`),
    ),
    internal: optionalFlag(from, 'internal', place),
    ingress: false,
    options: textMapField(from, 'options', place),
  };
}
