import type { Packet } from './packet.ts';
import type { BaseChain, HostView, Rule, Step, Verdict } from './rule-model.ts';

/** What a base chain may make of a packet; more than one where a rule could not be judged. */
export type Outcome = {
  readonly end: 'accept' | 'drop' | 'reject' | 'unknown';
  readonly packet: Packet;
  /** The rule that decided, or undefined for the policy. */
  readonly by: Rule | undefined;
  /** Rules on which this outcome hangs and that could not be judged. */
  readonly unjudged: readonly string[];
};

/** Beyond so many the answer is: not known. */
const MOST_OUTCOMES = 64;
/** The kernel's own limit of nested jumps is 16. */
const MOST_DEPTH = 20;

type State = { readonly packet: Packet; readonly unjudged: readonly string[] };
/** Left a chain: with a verdict, or by its end. */
type Left = State & {
  readonly end: Outcome['end'] | 'fell';
  readonly by: Rule | undefined;
};

/** Runs one base chain, its jumps and its policy. */
export function runBase(base: BaseChain, packet: Packet, host: HostView): readonly Outcome[] {
  const left = runChain(base, base.name, { packet, unjudged: [] }, { host, depth: 0 });
  return merged(
    left.map(({ end, packet: after, by, unjudged }) => ({
      packet: after,
      unjudged,
      ...(end === 'fell' ? { end: base.policy, by: undefined } : { end, by }),
    })),
  );
}

type Context = { readonly host: HostView; readonly depth: number };

function runChain(
  base: BaseChain,
  name: string,
  start: State,
  { host, depth }: Context,
): readonly Left[] {
  const rules = base.chains.get(name);
  if (rules === undefined || depth > MOST_DEPTH)
    return [{ ...start, end: 'unknown', by: undefined }];
  const done: Left[] = [];
  let states: readonly State[] = [start];
  for (const rule of rules) {
    const [only] = states;
    if (states.length === 1 && only && passesBy(rule, only.packet, host)) continue;
    const next: State[] = [];
    for (const state of states) {
      for (const each of runRule(base, rule, state, { host, depth })) {
        if (each.end === 'next') next.push({ packet: each.packet, unjudged: each.unjudged });
        else done.push({ ...each, end: each.end });
      }
    }
    states = next.length > 1 ? distinct(next) : next;
    if (states.length + done.length > MOST_OUTCOMES) {
      return [{ ...start, end: 'unknown', by: rule, unjudged: [rule.text] }];
    }
    if (states.length === 0) return done;
  }
  return [...done, ...states.map((state): Left => ({ ...state, end: 'fell', by: undefined }))];
}

/** Most rules are not about a packet: told without making anything. */
function passesBy({ steps }: Rule, packet: Packet, host: HostView): boolean {
  for (const step of steps) {
    if (step.kind !== 'match') return false;
    const matched = step.test(packet, host);
    if (matched !== true) return matched === false;
  }
  return false;
}

/** `next`: the rule after this one is asked. */
type AfterRule = State & { readonly end: Left['end'] | 'next'; readonly by: Rule | undefined };

function runRule(
  base: BaseChain,
  rule: Rule,
  start: State,
  context: Context,
): readonly AfterRule[] {
  const ways = waysOf(base, rule, start, context);
  // A rule that could not be judged and changes nothing either way, as one that logs, need not be.
  const inert =
    ways.length > 1 && ways.every(({ end, packet }) => end === 'next' && packet === start.packet);
  return inert ? [next(start)] : ways;
}

function waysOf(base: BaseChain, rule: Rule, start: State, context: Context): readonly AfterRule[] {
  const results: AfterRule[] = [];
  let state = start;
  /** The way of the packet on which what could not be judged did not match. */
  const passBy = (): void => {
    results.push({ ...next(state), unjudged: withText(state.unjudged, rule.text) });
    state = { ...state, unjudged: withText(state.unjudged, rule.text) };
  };
  for (const step of rule.steps) {
    const answer = runStep(step, state.packet, context.host);
    if (answer === 'no') return [...results, next(state)];
    if (answer === 'maybe') {
      passBy();
      continue;
    }
    if (answer === 'yes') continue;
    if ('packet' in answer) {
      state = { ...state, packet: answer.packet };
      if (answer.done) return [...results, { ...state, end: 'accept', by: rule }];
      continue;
    }
    const { verdict } = answer;
    switch (verdict.kind) {
      case 'continue':
        return [...results, next(state)];
      case 'return':
        return [...results, { ...state, end: 'fell', by: rule }];
      case 'accept':
      case 'drop':
      case 'reject':
        return [...results, { ...state, end: verdict.kind, by: rule }];
      case 'unknown':
        passBy();
        return [...results, { ...state, end: 'unknown', by: rule }];
      case 'jump':
      case 'goto':
      default: {
        const left = runChain(base, verdict.chain, state, {
          ...context,
          depth: context.depth + 1,
        });
        return [
          ...results,
          ...left.map((each): AfterRule =>
            each.end === 'fell'
              ? { ...each, end: verdict.kind === 'jump' ? 'next' : 'fell' }
              : each,
          ),
        ];
      }
    }
  }
  return [...results, next(state)];
}

const next = (state: State): AfterRule => ({ ...state, end: 'next', by: undefined });

type StepAnswer =
  | 'yes'
  | 'no'
  | 'maybe'
  | { readonly packet: Packet; readonly done: boolean }
  | { readonly verdict: Verdict };

function runStep(step: Step, packet: Packet, host: HostView): StepAnswer {
  switch (step.kind) {
    case 'match': {
      const matched = step.test(packet, host);
      if (matched === 'unknown') return 'maybe';
      return matched ? 'yes' : 'no';
    }
    case 'change':
    case 'dnat': {
      const changed = step.change(packet, host);
      if (changed === 'unknown') return { verdict: { kind: 'unknown' } };
      if (changed === undefined) return 'no';
      return { packet: changed, done: step.kind === 'dnat' };
    }
    case 'verdict':
    default: {
      const verdict = step.pick(packet, host);
      if (verdict === undefined) return 'yes';
      return { verdict: verdict === 'unknown' ? { kind: 'unknown' } : verdict };
    }
  }
}

const withText = (texts: readonly string[], text: string): readonly string[] =>
  texts.includes(text) ? texts : [...texts, text];

/** Two ways that come to the same packet go on as one. */
function distinct(states: readonly State[]): readonly State[] {
  const byPacket = new Map(
    states.toReversed().map((state) => [JSON.stringify(state.packet), state]),
  );
  return [...byPacket.values()];
}

function merged(outcomes: readonly Outcome[]): readonly Outcome[] {
  if (outcomes.length < 2) return outcomes;
  const byEnd = new Map<string, Outcome>();
  for (const outcome of outcomes) {
    const key = `${outcome.end} ${JSON.stringify(outcome.packet)}`;
    const known = byEnd.get(key);
    byEnd.set(key, known ?? outcome);
  }
  const [only, ...others] = byEnd.values();
  // Whatever the rule that could not be judged does, the end is the same.
  if (only !== undefined && others.length === 0) return [{ ...only, unjudged: [] }];
  return [...byEnd.values()];
}
