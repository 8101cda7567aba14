/** Names of template files. */

/** What a file in template_dir takes the place of. */
export const TEMPLATE_FILES = [
  'site.conf.ejs',
  'index.conf.ejs',
  'quarantined.conf.ejs',
  'maintenance.html.ejs',
] as const;

/** Any other file with this ending is a template that a label may name. */
export const TEMPLATE_SUFFIX = '.conf.ejs';
