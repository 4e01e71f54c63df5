# A mail server that keeps what it gets in /run/mails.
require "socket"

server = TCPServer.new("127.0.0.1", 2525)
loop do
  client = server.accept
  client.print "220 sink\r\n"
  while (line = client.gets)
    case line
    when /\ADATA/i
      client.print "354 go on\r\n"
      File.open("/run/mails", "a") do |mails|
        while (text = client.gets) && text != ".\r\n"
          mails.print text
        end
      end
      client.print "250 kept\r\n"
    when /\AQUIT/i
      client.print "221 bye\r\n"
      break
    else
      client.print "250 ok\r\n"
    end
  end
  client.close
end
