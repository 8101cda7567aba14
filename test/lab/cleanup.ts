/** Undo steps, run last in, first out; each runs, whatever the others do. */
export type Cleanup = {
  add(name: string, step: () => unknown): void;
  run(): Promise<void>;
};

export function createCleanup(): Cleanup {
  const steps: { name: string; step: () => unknown }[] = [];
  return {
    add(name, step) {
      steps.push({ name, step });
    },
    async run() {
      for (let last = steps.pop(); last; last = steps.pop()) {
        try {
          await last.step();
        } catch (error) {
          console.error(`cleanup "${last.name}" failed:`, error);
        }
      }
    },
  };
}
