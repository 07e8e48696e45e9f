# Answers over HTTP and counts requests in a file.
require 'socket'
require 'digest'

file = File.join(ARGV[0], 'count')
server = TCPServer.new('127.0.0.1', 8084)
loop do
  Thread.start(server.accept) do |client|
    client.gets
    n = (File.exist?(file) ? File.read(file).to_i : 0) + 1
    File.write(file, n.to_s)
    client.print "HTTP/1.0 200 OK\r\n\r\nruby #{n} #{Digest::SHA256.hexdigest(n.to_s)[0, 8]} #{`id -un`.strip} lab-ruby\n"
    client.close
  end
end
