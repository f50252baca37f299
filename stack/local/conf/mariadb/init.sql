-- Run by the server at every start, so that a start that was cut short is mended by the next. One statement a line.
CREATE DATABASE IF NOT EXISTS $name CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE USER IF NOT EXISTS '$name'@'$host';
ALTER USER '$name'@'$host' IDENTIFIED BY '$password';
GRANT ALL ON `$name%`.* TO '$name'@'$host';
