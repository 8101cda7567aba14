/** Preloaded: SIGUSR2 moves the clock of this process by CLOCK_SHIFT_MS, as a correction or an administrator does. */
const now = Date.now;
let shift = 0;
Date.now = () => now() + shift;
globalThis.Date = new Proxy(Date, {
  construct: (target, args: number[]) =>
    Reflect.construct(target, args.length === 0 ? [target.now()] : args),
});
process.on('SIGUSR2', () => {
  shift += Number(process.env['CLOCK_SHIFT_MS']);
});
