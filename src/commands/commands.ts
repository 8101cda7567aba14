import type { Command } from 'commander';
import { addAudit } from './audit.ts';
import { addCompletion } from './completion.ts';
import { addDoctor } from './doctor.ts';
import { addExplain } from './explain.ts';
import { addFirewall } from './firewall.ts';
import { addHelp } from './help.ts';
import { addGenerate } from './generate.ts';
import { addInit } from './init.ts';
import { addManPage } from './man-page.ts';
import { addRoutes } from './routes.ts';
import { addStatus } from './status.ts';
import { addUndo } from './undo.ts';
import { addWatch } from './watch.ts';
import { addWatchUnit } from './watch-unit.ts';

/** In the order of the help. */
export function addCommands(program: Command): void {
  addGenerate(program);
  addWatch(program);
  addRoutes(program);
  addFirewall(program);
  addAudit(program);
  addExplain(program);
  addStatus(program);
  addDoctor(program);
  addInit(program);
  addUndo(program);
  addCompletion(program);
  addManPage(program);
  addWatchUnit(program);
  const groups = program.commands.filter(({ commands }) => commands.length > 0);
  for (const parent of [program, ...groups]) addHelp(parent);
}
