import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.nio.file.*;

// Answers over HTTP and counts requests in a file.
public class Main {
    public static void main(String[] args) throws Exception {
        Path file = Path.of(args[0], "count");
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 8082), 0);
        server.createContext("/", exchange -> {
            int n = Files.exists(file) ? Integer.parseInt(Files.readString(file)) + 1 : 1;
            Files.writeString(file, Integer.toString(n));
            byte[] body = ("java " + n + " lab-java\n").getBytes();
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
    }
}
