import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseCertificate, type Certificate } from './choose-certificate.ts';

const DAY = 86_400_000;
const certificate = (name: string, more: Partial<Certificate> = {}): Certificate => ({
  name,
  hosts: ['a.example.com'],
  notBefore: 0,
  notAfter: 10 * DAY,
  ...more,
});
const choose = (host: string, certificates: readonly Certificate[], named?: string, now = DAY) => {
  const choice = chooseCertificate(host, certificates, { named, now });
  return choice.certificate?.name ?? ('reason' in choice ? choice.reason : '');
};

test('an exact name comes before a wildcard that is valid longer', () => {
  const wildcard = certificate('wild', { hosts: ['*.example.com'], notAfter: 99 * DAY });
  assert.equal(choose('a.example.com', [wildcard, certificate('exact')]), 'exact');
  assert.equal(choose('b.example.com', [wildcard, certificate('exact')]), 'wild');
});

test('a wildcard stands for one label, and not for its parent', () => {
  const wildcard = certificate('wild', { hosts: ['*.example.com'] });
  for (const host of ['a.b.example.com', 'example.com']) {
    assert.equal(choose(host, [wildcard]), `tls.cert_dir has no certificate for ${host}`);
  }
});

test('of two that fit the one that is valid longest is taken', () => {
  const both = [certificate('short'), certificate('long', { notAfter: 20 * DAY })];
  assert.equal(choose('a.example.com', both), 'long');
});

test('one that cannot be used gives way to one that can, else says why', () => {
  const expired = certificate('old', { notAfter: DAY });
  const broken = certificate('broken', { broken: 'its key is missing', notAfter: 30 * DAY });
  assert.equal(choose('a.example.com', [broken, expired, certificate('good')]), 'good');
  assert.equal(choose('a.example.com', [broken]), 'certificate "broken": its key is missing');
  assert.match(choose('a.example.com', [expired]), /^certificate "old" expired at 1970-01-02T/);
  const early = certificate('early', { notBefore: 2 * DAY });
  assert.match(choose('a.example.com', [early]), /valid only from 1970-01-03T/);
});

test('the named one is used, or nothing', () => {
  const other = certificate('other', { hosts: ['b.example.com'] });
  const all = [certificate('mine'), certificate('longer', { notAfter: 20 * DAY }), other];
  assert.equal(choose('a.example.com', all, 'mine'), 'mine');
  assert.equal(
    choose('a.example.com', all, 'other'),
    'certificate "other" is not for a.example.com',
  );
  assert.equal(choose('a.example.com', all, '../x'), 'tls.cert_dir has no certificate "../x"');
});
