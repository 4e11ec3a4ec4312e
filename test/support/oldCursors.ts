/**
 * Cursors of version 1, written by the library that wrote them, and what was left of their runs then: batches by epoch, number
 * and dataset indices, and the digest at the end.
 */

export interface OldCursor {
  /** The cursor, as JSON. */
  readonly cursor: string
  readonly rest: ReadonlyArray<string>
  readonly digest: string
}

export const oldCursors = {
  plan: {
    cursor:
      '{"version":1,"epoch":1,"batch":3,"end":3,"ahead":[],"batches":12,"samples":35,"skipped":0,"digest":"0355de7e2955d30254c824f92d690851d8d78ca2bd01603d646a84dc96ed60d0","fingerprints":{"pipeline":"sample: shuffle()\\naugment noise: function(?)\\nbatch: 3, columns(dtypes: {})","dataset":"range, 26 samples","policy":"epochWorker","seed":"42","batch":"3 samples, 9 batches of 26","workers":"2","ranks":"0 of 1"},"checksum":"54517ba4080c8fdf"}',
    rest: [
      "1.3:15-4-20",
      "1.4:17-22-5",
      "1.5:7-13-25",
      "1.6:16-3-11",
      "1.7:8-23-18",
      "1.8:19-1",
      "2.0:3-0-25",
      "2.1:15-20-6",
      "2.2:2-13-23",
      "2.3:1-14-9",
      "2.4:17-5-21",
      "2.5:11-19-16",
      "2.6:24-7-18",
      "2.7:8-10-12",
      "2.8:22-4"
    ],
    digest: "02f644b026f80ed34e7235235531442c5184e908358440e029fec25f745a3375"
  },
  start: {
    cursor:
      '{"version":1,"epoch":0,"batch":0,"end":3,"ahead":[],"batches":0,"samples":0,"skipped":0,"digest":"0000000000000000000000000000000000000000000000000000000000000000","fingerprints":{"pipeline":"sample: shuffle()\\naugment noise: function(?)\\nbatch: 3, columns(dtypes: {})","dataset":"range, 26 samples","policy":"epochWorker","seed":"42","batch":"3 samples, 9 batches of 26","workers":"2","ranks":"0 of 1"},"checksum":"6c98aee113f05b9c"}',
    rest: [
      "0.0:3-16-6",
      "0.1:1-9-21",
      "0.2:11-24-8",
      "0.3:15-13-19",
      "0.4:20-0-23",
      "0.5:14-12-18",
      "0.6:17-4-2",
      "0.7:22-10-7",
      "0.8:25-5",
      "1.0:6-21-0",
      "1.1:2-14-9",
      "1.2:12-10-24",
      "1.3:15-4-20",
      "1.4:17-22-5",
      "1.5:7-13-25",
      "1.6:16-3-11",
      "1.7:8-23-18",
      "1.8:19-1",
      "2.0:3-0-25",
      "2.1:15-20-6",
      "2.2:2-13-23",
      "2.3:1-14-9",
      "2.4:17-5-21",
      "2.5:11-19-16",
      "2.6:24-7-18",
      "2.7:8-10-12",
      "2.8:22-4"
    ],
    digest: "02f644b026f80ed34e7235235531442c5184e908358440e029fec25f745a3375"
  },
  epochEnd: {
    cursor:
      '{"version":1,"epoch":1,"batch":0,"end":3,"ahead":[],"batches":9,"samples":26,"skipped":0,"digest":null,"fingerprints":{"pipeline":"sample: shuffle()\\naugment noise: function(?)\\nbatch: 3, columns(dtypes: {})","dataset":"range, 26 samples","policy":"elastic","seed":"\\"name\\"","batch":"3 samples, 9 batches of 26","workers":"3","ranks":"0 of 1"},"checksum":"5c54eecd5c6f25c1"}',
    rest: [
      "1.0:17-11-3",
      "1.1:9-1-18",
      "1.2:10-12-8",
      "1.3:14-5-2",
      "1.4:25-23-0",
      "1.5:7-16-6",
      "1.6:15-20-22",
      "1.7:24-21-4",
      "1.8:19-13",
      "2.0:23-14-8",
      "2.1:12-13-4",
      "2.2:22-9-5",
      "2.3:24-7-3",
      "2.4:0-17-18",
      "2.5:19-6-15",
      "2.6:11-21-25",
      "2.7:2-16-20",
      "2.8:1-10"
    ],
    digest: "f8db349232b6fe959aa0e06a46a8a734a06e6e97fe1c7c47bf156731f64194aa"
  },
  ready: {
    cursor:
      '{"version":1,"epoch":0,"batch":1,"end":3,"ahead":[[2,"587f61052663365515ebb9291d1bf4566dd3abb400865602dd2f17287cbddc70"],[4,"66a77dfbb3b8f28089ea3ce4f4c73f15ea96da242adeb73a5c49c1472803eba8"],[6,"9905258c8a05be72f03863dd2ee31dca830c1573b46f32d05d5ad56e5a7ddb01"],[8,"075e4e1122b560bcae747ca0dc95356a5fdefefca0ae5f6a6160387cad1df6ab"]],"batches":5,"samples":14,"skipped":0,"digest":"93e90baa3ad8e4e4ab99b7cdb837a37576be4f85dbfa556722e116564b4430d7","fingerprints":{"pipeline":"sample: shuffle()\\naugment noise: function(?)\\nmapEffect wait: function(?)\\nbatch: 3, columns(dtypes: {})","dataset":"range, 26 samples","policy":"epochWorker","seed":"42","batch":"3 samples, 9 batches of 26","workers":"2","ranks":"0 of 1"},"checksum":"eeaff940f3577e6f"}',
    rest: [
      "0.1:1-9-21",
      "0.3:15-13-19",
      "0.5:14-12-18",
      "0.7:22-10-7",
      "1.0:6-21-0",
      "1.1:2-14-9",
      "1.2:12-10-24",
      "1.3:15-4-20",
      "1.4:17-22-5",
      "1.5:7-13-25",
      "1.6:16-3-11",
      "1.7:8-23-18",
      "1.8:19-1",
      "2.0:3-0-25",
      "2.1:15-20-6",
      "2.2:2-13-23",
      "2.3:1-14-9",
      "2.4:17-5-21",
      "2.5:11-19-16",
      "2.6:24-7-18",
      "2.7:8-10-12",
      "2.8:22-4"
    ],
    digest: "02f644b026f80ed34e7235235531442c5184e908358440e029fec25f745a3375"
  },
  readyNoDigest: {
    cursor:
      '{"version":1,"epoch":0,"batch":1,"end":3,"ahead":[[2,null],[3,null],[5,null],[6,null]],"batches":5,"samples":15,"skipped":0,"digest":null,"fingerprints":{"pipeline":"sample: shuffle()\\naugment noise: function(?)\\nmapEffect wait: function(?)\\nbatch: 3, columns(dtypes: {})","dataset":"range, 26 samples","policy":"elastic","seed":"7","batch":"3 samples, 9 batches of 26","workers":"3","ranks":"0 of 1"},"checksum":"4eed4dd4fad69cdb"}',
    rest: [
      "0.1:23-2-6",
      "0.4:19-4-0",
      "0.7:13-18-1",
      "0.8:5-22",
      "1.0:6-11-9",
      "1.1:0-18-21",
      "1.2:20-1-5",
      "1.3:24-22-15",
      "1.4:12-8-2",
      "1.5:10-16-14",
      "1.6:17-4-13",
      "1.7:19-3-7",
      "1.8:25-23",
      "2.0:15-11-10",
      "2.1:19-17-12",
      "2.2:6-22-24",
      "2.3:7-16-5",
      "2.4:2-21-0",
      "2.5:20-13-8",
      "2.6:18-3-4",
      "2.7:9-14-25",
      "2.8:1-23"
    ],
    digest: "e2c5b70d213a84cc3f8d65e56238aa877c701f26afade38f39f48c345422c538"
  },
  ranks: {
    cursor:
      '{"version":1,"epoch":0,"batch":4,"end":3,"ahead":[],"batches":4,"samples":8,"skipped":0,"digest":"b12aa5166ae574a9a3d985c73e6cdf6697fa74682e8060f18aac197726092345","fingerprints":{"pipeline":"sample: shuffle()\\naugment noise: function(?)\\nbatch: 4, pad last, columns(dtypes: {})","dataset":"range, 26 samples","policy":"elastic","seed":"7","batch":"4 samples, 7 batches of 28","workers":"1","ranks":"1 of 2"},"checksum":"923882fb686a6fac"}',
    rest: [
      "0.4:24-25",
      "0.5:18-1",
      "0.6:7-8",
      "1.0:9-0",
      "1.1:20-1",
      "1.2:22-15",
      "1.3:2-10",
      "1.4:17-4",
      "1.5:3-7",
      "1.6:6-11",
      "2.0:10-19",
      "2.1:6-22",
      "2.2:16-5",
      "2.3:0-20",
      "2.4:18-3",
      "2.5:14-25",
      "2.6:15-11"
    ],
    digest: "5173af929f88aef85d735158c5a867973a7ea6346f8996ba8791b8ce505a9539"
  },
  parity: {
    cursor:
      '{"version":1,"epoch":0,"batch":5,"end":3,"ahead":[],"batches":5,"samples":15,"skipped":0,"digest":"0468baf521eedb11942e1f0d68190fcb1a08469b7a241740e054f345587674c5","fingerprints":{"pipeline":"sample: shuffle()\\naugment noise: function(?)\\nbatch: 3, columns(dtypes: {})","dataset":"range, 26 samples","policy":"pytorch(libraries: {}, persistentWorkers… #4a60cbab1d5a","seed":"42","batch":"3 samples, 9 batches of 26","workers":"2","ranks":"0 of 1"},"checksum":"4037611faedee561"}',
    rest: [
      "0.5:20-2-5",
      "0.6:9-10-22",
      "0.7:19-0-4",
      "0.8:24-8",
      "1.0:18-20-25",
      "1.1:8-5-6",
      "1.2:21-7-15",
      "1.3:1-0-9",
      "1.4:17-4-2",
      "1.5:23-14-16",
      "1.6:12-24-22",
      "1.7:3-11-10",
      "1.8:13-19",
      "2.0:22-6-18",
      "2.1:13-10-8",
      "2.2:16-9-1",
      "2.3:15-17-19",
      "2.4:5-25-2",
      "2.5:12-11-7",
      "2.6:24-14-4",
      "2.7:3-0-21",
      "2.8:20-23"
    ],
    digest: "6ffb3b0ff2a9b5b5b5a8dd79a278859c4243cc0a0d8069fe1651362473cc977c"
  }
} as const satisfies Readonly<Record<string, OldCursor>>
