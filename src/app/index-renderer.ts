import { includedFiles } from '../core/generation.ts';
import type { IndexView } from '../core/index-view.ts';
import type { Templates } from '../core/render.ts';
import { PortcullisError } from '../errors.ts';

/** Renders the index, and proves that no site got lost: an empty template would take all of them away. */
export function createIndexRenderer(render: Templates['index']): Templates['index'] {
  return (view: IndexView) => {
    const text = rendered(render, view);
    const included = new Set(includedFiles(text));
    const lost = view.includes
      .map((path) => path.slice(path.lastIndexOf('/sites/') + 1))
      .find((file) => !included.has(file));
    if (lost === undefined) return text;
    throw new PortcullisError(
      'template-failed',
      `index.conf.ejs does not include ${lost}: each site needs a line "include <path>;" of its own, as in templates/index.conf.ejs`,
    );
  };
}

function rendered(render: Templates['index'], view: IndexView): string {
  try {
    return render(view);
  } catch (cause) {
    throw new PortcullisError('template-failed', 'index.conf.ejs cannot be rendered', {
      cause,
      detail: cause instanceof Error ? cause.message : String(cause),
    });
  }
}
