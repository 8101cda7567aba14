import type { Command } from 'commander';

/** Hidden: a package puts what it prints among its files. */
export function addWatchUnit(program: Command): void {
  program.command('watch-unit', { hidden: true }).action(async () => {
    const { packagedUnit } = await import('../app/init-watch.ts');
    process.stdout.write(packagedUnit());
  });
}
