/** Values that have broken tools of this kind, by attack. */
export const HOSTILE: Readonly<Record<string, readonly string[]>> = {
  'block break-out': [
    'a.example; } server { listen 80; server_name victim.example; return 200 hijacked; } #',
    'least_conn; server 127.0.0.1:9; } server { listen 80; server_name victim.example; return 200 x; } upstream junk {',
    'a.example"; } server { listen 80',
    "a.example'; include /etc/passwd; #",
    'x\\',
    '/a { } location /b',
    '10m; proxy_pass http://127.0.0.1:2375',
    '#',
    '}',
    '{',
  ],
  'variable expansion': ['$http_x', '${uri}', 'a$1', '$$HOST', '~^(?<x>.*)$', '/$document_root'],
  'path traversal': ['../../etc/shadow', '/etc/passwd', '..', '.', 'a/../b', '%2e%2e/x', '\u0000x'],
  'nft and iptables syntax': [
    '25/tcp; flush ruleset',
    '0.0.0.0/0 } accept comment "',
    '25/tcp,443/udp -j ACCEPT',
    '10.0.0.0/8\nCOMMIT\n*filter',
    '::/0, elements = { 0-65535 }',
  ],
  'log and terminal': [
    '\u001b[2J\u001b[31m',
    '\u009b31m',
    'a\r\nb',
    'x\u202Egnp.exe',
    '\u0007\u0008',
    '\u2028line',
    '\ud800',
  ],
  'YAML and prototypes': [
    '__proto__',
    'constructor',
    'toString',
    '!!js/function x',
    '&a *a',
    '{}',
    '[]',
  ],
  headers: [
    'http://127.0.0.1:1/\r\nX-Evil: 1',
    'http://user:pass@127.0.0.1/',
    'http://a.example/?q=1#f',
    'https://[::1]/x',
    'http://127.0.0.1:99999/',
  ],
  EJS: ['<%= process.env %>', '<%- include("/etc/passwd") %>', '%>', '<%# x', '`${1}`'],
  numbers: ['0x50', '1e3', '-1', '99999999999999999999', '', ' ', 'NaN', 'true ', 'TRUE', '٣'],
};

export const ALL_HOSTILE: readonly string[] = Object.values(HOSTILE).flat();
