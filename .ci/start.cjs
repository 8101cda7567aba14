#!/usr/bin/env node
// Runs portcullis.cjs with V8's code cache, which only saves time: V8 refuses one of another version.
'use strict';
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

const filename = join(__dirname, 'portcullis.cjs');
const source = readFileSync(filename, 'latin1'); // the bundle is ASCII
let cachedData;
try {
  cachedData = readFileSync(join(__dirname, 'portcullis.cache'));
} catch {
  // built without
}
const script = new Script(source, { filename, cachedData });
script.runInThisContext()(exports, require, module, filename, __dirname);
module.exports = script;
