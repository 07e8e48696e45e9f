// Answers over HTTP and counts requests in a file; asks for the network
// interfaces, which takes a netlink socket.
const fs = require('fs'), http = require('http'), os = require('os'), child = require('child_process');
const file = process.argv[2] + '/count';
http.createServer((request, response) => {
  const n = (fs.existsSync(file) ? Number(fs.readFileSync(file, 'utf8')) : 0) + 1;
  fs.writeFileSync(file, String(n));
  const hash = child.execFileSync('/usr/bin/sha256sum', [file]).toString().slice(0, 8);
  response.end('node ' + n + ' ' + hash + ' ' + Object.keys(os.networkInterfaces()) + ' lab-node\n');
}).listen(8081, '127.0.0.1');
